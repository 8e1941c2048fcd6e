// SPDX-License-Identifier: GPL-3.0-or-later
// The file that makes a group of writes durable by one write and one sync, before the tree has them: records of keys and
// values, one for each group, from the beginning of the file. A record names the tree that it was begun on (`base`), so
// that records of a tree that has moved on, or of another one, are none. It knows no tree and no thread. For this room only.
//
// A record: u64 hash of what follows and of the hash of the record before it, u64 base, u32 number from 0, u32 bytes; then its
// changes, each u32 length of the key (highest bit: the key is deleted), u32 length of the value, key, value. In the machine's
// byte order, as LMDB's pages are: neither file moves between machines of different order.
#ifndef GATEHOUSE_STORE_JOURNAL_H
#define GATEHOUSE_STORE_JOURNAL_H

#include "base/auto.h"
#include "base/slice.h"

// More than this in one group is not worth writing twice: the tree is made durable instead.
#define JOURNAL_RECORD_MAX ((size_t)4 << 20)

struct journal;

// All that give an int give 0 or an error number of the operating system.
// Made, 0600, if it is not there.
MUST_USE int journal_open(const char *path, struct journal **ret_journal);
void journal_close(struct journal *journal); // NULL-safe

// What is noted since the last journal_write, in bytes.
size_t journal_noted(const struct journal *journal);
// A change that the next record has. Past JOURNAL_RECORD_MAX nothing more is kept, and journal_over says so. ENOMEM.
MUST_USE int journal_note_put(struct journal *journal, struct slice key, struct slice value);
MUST_USE int journal_note_delete(struct journal *journal, struct slice key);
bool journal_over(const struct journal *journal);
// Forgets what was noted after there were `noted` bytes of it.
void journal_cut(struct journal *journal, size_t noted);

// A base out of whatever tells a tree from any other.
uint64_t journal_base(struct slice bytes);
// From now on records are of this base; the next one is the first, at the beginning of the file.
void journal_start(struct journal *journal, uint64_t base);
// There are no records of this base: the file gives up those of others, if that can be done.
void journal_empty(struct journal *journal);
// Writes what is noted as the next record, and syncs. Durable when 0; else the file has it as good as not: the next record
// takes its place.
MUST_USE int journal_write(struct journal *journal);
// Bytes of the records of this base.
uint64_t journal_bytes(const struct journal *journal);

// What is done with a change; value.at NULL: the key is deleted. An error ends the reading.
typedef int (*journal_each)(void *arg, struct slice key, struct slice value);
// Gives all changes of the records of this base, in their order. `found` false: only of those that this process wrote; true:
// whatever whole records are in the file, behind which the next one then goes.
MUST_USE int journal_read(struct journal *journal, bool found, journal_each each, void *arg);

#endif
