// SPDX-License-Identifier: GPL-3.0-or-later
// From CSV to lines that can be done. Everything that can be said of a line without the store is said here.
#include "domain/bulk.h"

#include "base/digest.h"
#include "base/text.h"
#include "domain/bulk_parts.h"

const char *const bulk_action_names[] = {"",        "create", "update", "disable",
                                         "enable", "delete", NULL};

const struct bulk_column_row bulk_columns[] = {
#define COLUMN(symbol, name, item) {name, item},
#include "domain/bulk.def"
#undef COLUMN
};

const char *bulk_column_name(int column) {
    if (column < BULK_COLUMNS) {
        return bulk_columns[column].name;
    }
    return column < BULK_ALL ? component_table[column - BULK_COLUMNS].id : "";
}

struct reading {
    struct op *op;
    struct bulk_file file;
    size_t room;
    bool header; // was seen
    bool look;   // only counts
    size_t columns;
    uint8_t column[CSV_CELLS_MAX]; // enum bulk_column of each cell
};

// ---- the header ----

// "roles(;)" is the column roles: what stands in parentheses is for people.
static struct slice column_name(struct slice cell) {
    cell = slice_trim(csv_unguard(cell));
    return slice_trim(slice_sub(cell, 0, slice_find(cell, S("("))));
}

static int column_of(struct slice name) {
    for (int i = 0; i < BULK_ALL; i++) {
        if (slice_equal_nocase(name, slice_str(bulk_column_name(i)))) {
            return i;
        }
    }
    return BULK_ALL;
}

static struct slice known_columns(struct op *op) {
    struct slice list = S("");
    for (int i = 0; i < BULK_ALL; i++) {
        list = op_text(op, "%.*s%s%s", SLICE(list), i > 0 ? ", " : "", bulk_column_name(i));
    }
    return list;
}

static reason read_header(struct op *op, const struct csv_row *row, struct reading *reading) {
    bool seen[BULK_ALL] = {false};
    for (size_t i = 0; i < row->count; i++) {
        struct slice name = column_name(row->cells[i]);
        int column = column_of(name);
        if (column == BULK_ALL) {
            REFUSE(op, CSV_HEADER, "line %llu: there is no column \"%.*s\"; the columns are %.*s",
                   (unsigned long long)row->line, SLICE(slice_sub(name, 0, 64)),
                   SLICE(known_columns(op)));
        }
        if (seen[column]) {
            REFUSE(op, CSV_HEADER, "line %llu: the column %s is there twice",
                   (unsigned long long)row->line, bulk_column_name(column));
        }
        seen[column] = true;
        reading->column[i] = (uint8_t)column;
    }
    if (!seen[BULK_EMAIL]) {
        REFUSE(op, CSV_HEADER, "line %llu: the column email is missing; the first line names the columns",
               (unsigned long long)row->line);
    }
    reading->columns = row->count;
    reading->header = true;
    return NULL;
}

// ---- cells ----

static void fault(struct op *op, struct bulk_line *line, int column, reason why, struct slice detail) {
    struct bulk_fault *faults = NULL;
    if (line->fault_count == BULK_FAULTS_EACH ||
        op_take(op, (line->fault_count + 1) * sizeof *faults, &faults) != NULL) {
        return; // there is one at least: the line is not done
    }
    if (line->fault_count > 0) {
        memcpy(faults, line->faults, line->fault_count * sizeof *faults);
    }
    faults[line->fault_count++] = (struct bulk_fault){bulk_column_name(column), why, detail};
    line->faults = faults;
}

static reason read_email(struct op *op, struct bulk_line *line, struct slice cell) {
    struct email email;
    reason why = email_normalise(op, cell, &email);
    line->email = cell;
    if (why == REASON_OF(INVALID_INPUT)) {
        fault(op, line, BULK_EMAIL, REASON_OF(FIELD_VALUE), op->detail);
        return NULL;
    }
    TRY(why);
    line->email = email.whole;
    return NULL;
}

static reason read_roles(struct op *op, struct bulk_line *line, struct slice cell) {
    struct slice role;
    size_t room = 1;
    line->roles_said = true;
    for (size_t i = 0; i < cell.len && room <= ROLES_EACH_MAX; i++) {
        room += cell.at[i] == ';' ? 1 : 0;
    }
    if (room > ROLES_EACH_MAX) {
        fault(op, line, BULK_ROLES, REASON_OF(FIELD_RANGE),
              op_text(op, "at most %d roles", ROLES_EACH_MAX));
        return NULL;
    }
    if (slice_equal(cell, S("none"))) {
        return NULL;
    }
    TRY(op_take(op, room * sizeof *line->roles.at, &line->roles.at));
    while (cell.at != NULL && slice_cut(&cell, ';', &role)) {
        role = slice_trim(role);
        if (role.len > 0 && !texts_have(line->roles, role)) {
            line->roles.at[line->roles.count++] = role;
        }
    }
    return NULL;
}

// 2026-12-31T00:00:00Z, or a day, whose beginning in UTC it is; or never.
static void read_end(struct op *op, struct bulk_line *line, struct slice cell) {
    line->end_said = true;
    if (slice_equal(cell, S("never"))) {
        return;
    }
    struct slice text = cell.len == 10 ? op_text(op, "%.*sT00:00:00Z", SLICE(cell)) : cell;
    if (!clock_parse(text, &line->expires_at)) {
        fault(op, line, BULK_EXPIRES_AT, REASON_OF(FIELD_VALUE),
              S("a time as 2026-12-31T00:00:00Z, a day as 2026-12-31, or never"));
    }
}

static void read_action(struct op *op, struct bulk_line *line, struct slice cell) {
    for (int i = BULK_CREATE; bulk_action_names[i] != NULL; i++) {
        if (slice_equal_nocase(cell, slice_str(bulk_action_names[i]))) {
            line->action = i;
            return;
        }
    }
    fault(op, line, BULK_ACTION, REASON_OF(FIELD_VALUE),
          S("create, update, disable, enable or delete; or nothing: made when not there, else changed"));
}

static void read_sso(struct op *op, struct bulk_line *line, struct slice cell) {
    line->sso_said = true;
    line->sso_only = slice_equal_nocase(cell, S("true"));
    if (!line->sso_only && !slice_equal_nocase(cell, S("false"))) {
        fault(op, line, BULK_SSO_ONLY, REASON_OF(FIELD_VALUE), S("true or false"));
    }
}

static void read_component(struct op *op, struct bulk_line *line, int column, struct slice cell) {
    struct slice component = slice_str(bulk_column_name(column));
    bool known = false;
    if (!component_ask_set(&line->components, component, cell, &known)) {
        fault(op, line, column, REASON_OF(FIELD_VALUE),
              op_text(op, "%.*s, or none", SLICE(component_level_words(op, component))));
    }
}

static void read_line_text(struct op *op, struct bulk_line *line, int column, struct slice cell,
                           struct slice *ret_text) {
    if (!text_line(cell)) {
        fault(op, line, column, REASON_OF(RESTRICTED_CHARACTERS),
              S("one line without control characters is expected"));
    }
    *ret_text = cell;
}

static reason read_cell(struct op *op, struct bulk_line *line, int column, struct slice cell) {
    cell = slice_trim(csv_unguard(cell));
    if (cell.len == 0) {
        return NULL;
    }
    if (column >= BULK_COLUMNS) {
        read_component(op, line, column, cell);
        return NULL;
    }
    switch ((enum bulk_column)column) {
    case BULK_EMAIL: return read_email(op, line, cell);
    case BULK_FIRST_NAME: read_line_text(op, line, column, cell, &line->first_name); break;
    case BULK_LAST_NAME: read_line_text(op, line, column, cell, &line->last_name); break;
    case BULK_TICKET: read_line_text(op, line, column, cell, &line->ticket); break;
    case BULK_ROLES: return read_roles(op, line, cell);
    case BULK_SSO_ONLY: read_sso(op, line, cell); break;
    case BULK_EXPIRES_AT: read_end(op, line, cell); break;
    case BULK_ACTION: read_action(op, line, cell); break;
    case BULK_ID:
    case BULK_STATUS:
    case BULK_SSO_ROLES:
    case BULK_LAST_VISIT:
    case BULK_CREATED_AT:
    case BULK_COLUMNS: break; // of an export: not looked at
    }
    return NULL;
}

static reason read_row(struct op *op, const struct csv_row *row, const struct reading *reading,
                       struct bulk_line *line) {
    if (row->count != reading->columns) {
        fault(op, line, BULK_ALL, REASON_OF(CSV_CELLS),
              op_text(op, "the line has %zu cells, the first line names %zu columns", row->count,
                      reading->columns));
        return NULL;
    }
    for (size_t i = 0; i < row->count; i++) {
        struct slice cell;
        TRY(op_copy(op, row->cells[i], &cell)); // the reader's own goes with the row
        TRY(read_cell(op, line, reading->column[i], cell));
    }
    if (line->email.len == 0) {
        fault(op, line, BULK_EMAIL, REASON_OF(FIELD_REQUIRED), S("an e-mail address is required"));
    }
    return NULL;
}

// ---- rows ----

static reason more_room(struct op *op, struct reading *reading) {
    size_t room = reading->room > 0 ? reading->room * 2 : 256;
    struct bulk_line *lines = NULL;
    TRY(op_take(op, room * sizeof *lines, &lines));
    if (reading->file.count > 0) {
        memcpy(lines, reading->file.lines, reading->file.count * sizeof *lines);
    }
    reading->file.lines = lines;
    reading->room = room;
    return NULL;
}

static reason on_row(struct op *op, const struct csv_row *row, void *arg) {
    struct reading *reading = arg;
    if (!reading->header) {
        return read_header(op, row, reading);
    }
    if (reading->file.count == BULK_LINES_MAX) {
        REFUSE(op, BULK_TOO_MANY, "more than %d lines; send the file in parts", BULK_LINES_MAX);
    }
    if (!reading->look) {
        if (reading->file.count == reading->room) {
            TRY(more_room(op, reading));
        }
        struct bulk_line *line = &reading->file.lines[reading->file.count];
        *line = (struct bulk_line){.line = row->line};
        component_ask_open(&line->components);
        TRY(read_row(op, row, reading, line));
    }
    reading->file.count++;
    return NULL;
}

static reason read_all(struct op *op, struct slice text, struct reading *reading) {
    struct csv *csv = NULL;
    TRY(csv_open(op, on_row, reading, &csv));
    reason why = csv_feed(csv, text);
    why = why != NULL ? why : csv_end(csv);
    csv_close(csv);
    TRY(why);
    if (!reading->header) {
        REFUSE(op, CSV_HEADER, "the file is empty; its first line names the columns: %.*s",
               SLICE(known_columns(op)));
    }
    return NULL;
}

// ---- who is there twice ----

static size_t slot_of(struct slice email) {
    struct sha256 digest = digest_sha256(email);
    size_t at;
    memcpy(&at, digest.bytes, sizeof at);
    return at;
}

// The first line with an address counts; each later one is a fault.
static reason find_twice(struct op *op, struct bulk_file *file) {
    size_t room = 1;
    uint32_t *slots = NULL; // index + 1; 0: free
    while (room < 2 * file->count) {
        room *= 2;
    }
    TRY(op_take(op, room * sizeof *slots, &slots));
    for (size_t i = 0; i < file->count; i++) {
        struct bulk_line *line = &file->lines[i];
        if (line->email.len == 0) {
            continue;
        }
        size_t at = slot_of(line->email) & (room - 1);
        while (slots[at] != 0 &&
               !slice_equal(file->lines[slots[at] - 1].email, line->email)) {
            at = (at + 1) & (room - 1);
        }
        if (slots[at] == 0) {
            slots[at] = (uint32_t)i + 1;
        } else {
            fault(op, line, BULK_EMAIL, REASON_OF(BULK_TWICE),
                  op_text(op, "the same person is on line %llu",
                          (unsigned long long)file->lines[slots[at] - 1].line));
        }
    }
    return NULL;
}

reason bulk_read(struct op *op, struct slice csv, struct bulk_file *ret_file) {
    struct reading reading = {.op = op};
    TRY(read_all(op, csv, &reading));
    TRY(find_twice(op, &reading.file));
    *ret_file = reading.file;
    return NULL;
}

reason bulk_look(struct op *op, struct slice csv, size_t *ret_count) {
    struct reading reading = {.op = op, .look = true};
    TRY(read_all(op, csv, &reading));
    *ret_count = reading.file.count;
    return NULL;
}
