// SPDX-License-Identifier: GPL-3.0-or-later
#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/check.h"

#define DELETED (UINT32_C(1) << 31)
#define CHANGE_HEAD 8
// Kept for the next record; what a larger one took is given back.
#define KEEP_BYTES ((size_t)1 << 20)

struct record_head {
    uint64_t hash, base;
    uint32_t number, bytes;
};
_Static_assert(sizeof(struct record_head) == 24, "no padding: it is hashed and written as it is");

struct journal {
    int fd;
    char *note; // head and changes of the next record
    size_t len, room;
    bool over;
    uint64_t base, end; // where the next record goes
    uint32_t number;    // of it
    uint64_t before;    // hash of the record before it
};

int journal_open(const char *path, struct journal **ret_journal) {
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        return ENOMEM;
    }
    journal->len = sizeof(struct record_head);
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (journal->fd < 0) {
        int code = errno;
        free(journal);
        return code;
    }
    *ret_journal = journal;
    return 0;
}

void journal_close(struct journal *journal) {
    if (journal != NULL) {
        (void)close(journal->fd);
        free(journal->note);
        free(journal);
    }
}

// ---- noting

size_t journal_noted(const struct journal *journal) {
    return journal->len - sizeof(struct record_head);
}

bool journal_over(const struct journal *journal) {
    return journal->over;
}

void journal_cut(struct journal *journal, size_t noted) {
    CHECK(noted <= journal_noted(journal));
    journal->len = sizeof(struct record_head) + noted;
    journal->over = false; // what was noted before did fit
    if (noted == 0 && journal->room > KEEP_BYTES) {
        free(journal->note);
        journal->note = NULL;
        journal->room = 0;
    }
}

static int make_room(struct journal *journal, size_t more) {
    size_t room = journal->room > 0 ? journal->room : 64U << 10;
    while (room < journal->len + more) {
        room *= 2;
    }
    if (room == journal->room) {
        return 0;
    }
    char *note = realloc(journal->note, room);
    if (note == NULL) {
        return ENOMEM;
    }
    journal->note = note;
    journal->room = room;
    return 0;
}

static int note(struct journal *journal, uint32_t kind, struct slice key, struct slice value) {
    size_t bytes = CHANGE_HEAD + key.len + value.len;
    if (journal->over || journal_noted(journal) + bytes > JOURNAL_RECORD_MAX) {
        journal->over = true;
        return 0;
    }
    int code = make_room(journal, bytes);
    if (code != 0) {
        return code;
    }
    char *at = journal->note + journal->len;
    memcpy(at, &(uint32_t){(uint32_t)key.len | kind}, 4);
    memcpy(at + 4, &(uint32_t){(uint32_t)value.len}, 4);
    memcpy(at + CHANGE_HEAD, key.at, key.len);
    if (value.len > 0) {
        memcpy(at + CHANGE_HEAD + key.len, value.at, value.len);
    }
    journal->len += bytes;
    return 0;
}

int journal_note_put(struct journal *journal, struct slice key, struct slice value) {
    return note(journal, 0, key, value);
}

int journal_note_delete(struct journal *journal, struct slice key) {
    return note(journal, DELETED, key, S(""));
}

// ---- writing

uint64_t journal_base(struct slice bytes) {
    return XXH3_64bits(bytes.at, bytes.len);
}

void journal_start(struct journal *journal, uint64_t base) {
    journal->base = base;
    journal->end = 0;
    journal->number = 0;
    journal->before = 0;
    journal_cut(journal, 0);
}

void journal_empty(struct journal *journal) {
    CHECK(journal->end == 0);
    (void)!ftruncate(journal->fd, 0);
}

uint64_t journal_bytes(const struct journal *journal) {
    return journal->end;
}

// A record counts only behind the very one that it was written behind: what was there before it, or was put there by who knew
// its place, is none, though the base and the number be the same.
static uint64_t hash_of(const struct record_head *head, const char *changes, uint64_t before) {
    XXH64_hash_t seed = XXH3_64bits_withSeed(&head->base, sizeof *head - sizeof head->hash, before);
    return XXH3_64bits_withSeed(changes, head->bytes, seed);
}

static int write_all(int fd, const char *at, size_t len, uint64_t offset) {
    while (len > 0) {
        ssize_t count = pwrite(fd, at, len, (off_t)offset);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return count < 0 ? errno : EIO;
        }
        at += count;
        len -= (size_t)count;
        offset += (uint64_t)count;
    }
    return 0;
}

int journal_write(struct journal *journal) {
    CHECK(!journal->over && journal_noted(journal) > 0);
    struct record_head head = {.base = journal->base,
                               .number = journal->number,
                               .bytes = (uint32_t)journal_noted(journal)};
    uint64_t hash = hash_of(&head, journal->note + sizeof head, journal->before);
    head.hash = hash;
    memcpy(journal->note, &head, sizeof head);
    int code = write_all(journal->fd, journal->note, journal->len, journal->end);
    code = code == 0 && fdatasync(journal->fd) != 0 ? errno : code;
    if (code != 0) {
        // It was refused: a later start should not find it, if that can be helped.
        head = (struct record_head){.hash = 0};
        (void)write_all(journal->fd, (const char *)&head, sizeof head, journal->end);
        return code;
    }
    journal->end += journal->len;
    journal->number++;
    journal->before = hash;
    journal_cut(journal, 0);
    return 0;
}

// ---- reading

// -1: an error, in errno.
static ssize_t read_some(int fd, char *at, size_t len, uint64_t offset) {
    size_t had = 0;
    while (had < len) {
        ssize_t count = pread(fd, at + had, len - had, (off_t)(offset + had));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        had += (size_t)count;
    }
    return (ssize_t)had;
}

static int each_change(const char *at, size_t len, journal_each each, void *arg) {
    while (len > 0) {
        uint32_t key = 0;
        uint32_t value = 0;
        if (len < CHANGE_HEAD) {
            return EILSEQ;
        }
        memcpy(&key, at, 4);
        memcpy(&value, at + 4, 4);
        bool deleted = (key & DELETED) != 0;
        key &= ~DELETED;
        if ((uint64_t)key + value > len - CHANGE_HEAD || (deleted && value != 0)) {
            return EILSEQ;
        }
        int code = each(arg, slice_of(at + CHANGE_HEAD, key),
                        deleted ? SLICE_NONE : slice_of(at + CHANGE_HEAD + key, value));
        if (code != 0) {
            return code;
        }
        at += CHANGE_HEAD + key + value;
        len -= CHANGE_HEAD + key + value;
    }
    return 0;
}

// *ret_whole false: there is no such record, or not the whole of it.
static int read_record(struct journal *journal, uint64_t offset, uint32_t number, uint64_t before,
                       struct record_head *ret_head, char **ret_changes, bool *ret_whole) {
    *ret_whole = false;
    ssize_t had = read_some(journal->fd, (char *)ret_head, sizeof *ret_head, offset);
    if (had < 0) {
        return errno;
    }
    if (had < (ssize_t)sizeof *ret_head || ret_head->base != journal->base ||
        ret_head->number != number || ret_head->bytes == 0 || ret_head->bytes > JOURNAL_RECORD_MAX) {
        return 0;
    }
    char *changes = malloc(ret_head->bytes);
    if (changes == NULL) {
        return ENOMEM;
    }
    *ret_changes = changes; // the caller's, whatever it holds
    had = read_some(journal->fd, changes, ret_head->bytes, offset + sizeof *ret_head);
    if (had < 0) {
        return errno;
    }
    *ret_whole = had == (ssize_t)ret_head->bytes && hash_of(ret_head, changes, before) == ret_head->hash;
    return 0;
}

int journal_read(struct journal *journal, bool found, journal_each each, void *arg) {
    uint64_t offset = 0;
    uint32_t number = 0;
    uint64_t before = 0;
    for (; found || offset < journal->end; number++) {
        struct record_head head;
        char *changes = NULL;
        bool whole = false;
        int code = read_record(journal, offset, number, before, &head, &changes, &whole);
        if (code == 0 && whole) {
            code = each_change(changes, head.bytes, each, arg);
        }
        free(changes);
        if (code != 0) {
            return code;
        }
        if (!whole) {
            break;
        }
        offset += sizeof head + head.bytes;
        before = head.hash;
    }
    if (!found && offset != journal->end) {
        return EIO; // what this process wrote and synced is not there any more
    }
    journal->end = offset;
    journal->number = number;
    journal->before = before;
    return 0;
}
