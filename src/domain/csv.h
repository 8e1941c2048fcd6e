// SPDX-License-Identifier: GPL-3.0-or-later
// CSV as RFC 4180 has it, in UTF-8: read row by row in bounded memory (libcsv), and written so that a spreadsheet takes
// no cell for a formula. Knows nothing of what the cells mean.
#ifndef GATEHOUSE_DOMAIN_CSV_H
#define GATEHOUSE_DOMAIN_CSV_H

#include "base/buf.h"

#define CSV_CELLS_MAX 64      // of a row
#define CSV_ROW_MAX (32U << 10) // bytes of a row's cells

struct csv_row {
    uint64_t line; // where it begins, from 1
    size_t count;
    struct slice cells[CSV_CELLS_MAX]; // until the function that got the row returns
};
// A refusal stops the reading, and is what csv_feed and csv_end give.
typedef reason (*csv_row_fn)(struct op *op, const struct csv_row *row, void *arg);

// A byte order mark at the start is skipped; CR LF, LF and CR end a row; empty lines are none; quoted cells may hold line ends.
struct csv;
MUST_USE reason csv_open(struct op *op, csv_row_fn row_seen, void *arg, struct csv **ret_csv);
// csv.malformed with the line: a quote where none may be, a cell or row that is too long, a zero byte, no UTF-8; at the
// end: a quote that is not closed.
MUST_USE reason csv_feed(struct csv *csv, struct slice bytes);
MUST_USE reason csv_end(struct csv *csv);
void csv_close(struct csv *csv); // NULL-safe

// A cell as a spreadsheet may open it: one that begins with = + - @ TAB or CR, whatever apostrophes stand before, gets one in front.
// It goes to `out` with a comma before it unless it is the first of its row.
void csv_put(struct buf *out, struct slice cell, bool first);
void csv_row_end(struct buf *out); // CR LF
// The other way: takes that apostrophe off.
struct slice csv_unguard(struct slice cell);

#endif
