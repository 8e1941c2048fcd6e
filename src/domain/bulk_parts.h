// SPDX-License-Identifier: GPL-3.0-or-later
// What the files about many people at once share: the columns.
#ifndef GATEHOUSE_DOMAIN_BULK_PARTS_H
#define GATEHOUSE_DOMAIN_BULK_PARTS_H

#include "domain/bulk.h"

enum bulk_column {
#define COLUMN(symbol, name, item) BULK_##symbol,
#include "domain/bulk.def"
#undef COLUMN
    BULK_COLUMNS
};
struct bulk_column_row {
    const char *name;
    bool item; // a member of a JSON item too
};
extern const struct bulk_column_row bulk_columns[BULK_COLUMNS];
// A column's number: of bulk_columns, or BULK_COLUMNS and the number of a component.
#define BULK_ALL (BULK_COLUMNS + COMPONENT_COUNT)
const char *bulk_column_name(int column); // "" for BULK_ALL, which is the whole line
extern const char *const bulk_action_names[];

#endif
