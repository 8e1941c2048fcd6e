// SPDX-License-Identifier: GPL-3.0-or-later
// Structs to stored bytes and back, driven by their field tables. What is written is within the
// table's bounds, and what is read must be too: a record that is not exactly what this table could
// have written (or an older version of it) is refused whole, never read in part. Numbers and times
// take 8 bytes, choices 2, all big endian; a list is one length-prefixed piece after another; an
// embedded struct is a record without version.
#include "store/record.h"

#include "base/check.h"

// Tables that stand in tables. They are ours, so this only catches one that stands in itself.
#define RECORD_DEPTH_MAX 4
#define VARINT_MAX 5 // bytes: 32 bits and more than RECORD_MAX

// ---- pieces: a length in groups of 7 bits, the lowest first, then the bytes

static void put_piece(struct buf *out, struct slice bytes) {
    size_t len = bytes.len;
    for (; len >= 0x80; len >>= 7) {
        buf_byte(out, (uint8_t)(len | 0x80));
    }
    buf_byte(out, (uint8_t)len);
    buf_put(out, bytes);
}

// False when there is none, or its length is not written in the shortest way.
static bool get_piece(struct slice *rest, struct slice *ret_piece) {
    size_t len = 0;
    for (size_t i = 0; i < VARINT_MAX && i < rest->len; i++) {
        uint8_t byte = (uint8_t)rest->at[i];
        len |= (size_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0) {
            continue;
        }
        if ((byte == 0 && i > 0) || len > rest->len - i - 1) {
            return false;
        }
        *ret_piece = slice_of(rest->at + i + 1, len);
        *rest = slice_of(rest->at + i + 1 + len, rest->len - i - 1 - len);
        return true;
    }
    return false;
}

static bool count_pieces(struct slice rest, int64_t max, size_t *ret_count) {
    size_t count = 0;
    struct slice piece;
    while (rest.len > 0) {
        if (!get_piece(&rest, &piece) || count >= (size_t)max) {
            return false;
        }
        count++;
    }
    *ret_count = count;
    return true;
}

static int64_t choices_of(const struct field *field) {
    int64_t count = 0;
    while (field->choices[count] != NULL) {
        count++;
    }
    return count;
}

// ---- writing

static reason put_members(struct op *op, const struct field_table *table, const char *row,
                          unsigned depth, struct buf *out);

static reason too_much(struct op *op, const struct field_table *table, const struct field *field) {
    REFUSE(op, INVALID_INPUT, "the %s of this %s is out of its bounds", field->name, table->name);
}

static void put_number(struct buf *out, uint8_t tag, int64_t number) {
    buf_byte(out, tag);
    buf_byte(out, 8);
    buf_u64(out, (uint64_t)number);
}

static reason put_texts(struct op *op, const struct field_table *table, const struct field *field,
                        const char *member, struct buf *out) {
    struct texts texts;
    memcpy(&texts, member, sizeof texts);
    if (texts.count == 0) {
        return NULL;
    }
    if (texts.count > (size_t)field->max) {
        return too_much(op, table, field);
    }
    struct buf list;
    buf_open(&list, op, RECORD_MAX);
    for (size_t i = 0; i < texts.count; i++) {
        if (texts.at[i].len > FIELD_TEXTS_EACH) {
            return too_much(op, table, field);
        }
        put_piece(&list, texts.at[i]);
    }
    struct slice bytes;
    TRY(buf_done(&list, &bytes));
    buf_byte(out, field->tag);
    put_piece(out, bytes);
    return NULL;
}

static reason put_structs(struct op *op, const struct field_table *table,
                          const struct field *field, const char *member, unsigned depth,
                          struct buf *out) {
    struct rows rows;
    memcpy(&rows, member, sizeof rows);
    if (rows.count == 0) {
        return NULL;
    }
    if (rows.count > (size_t)field->max) {
        return too_much(op, table, field);
    }
    struct buf list;
    struct buf one;
    buf_open(&list, op, RECORD_MAX);
    buf_open(&one, op, RECORD_MAX);
    for (size_t i = 0; i < rows.count; i++) {
        const char *row = (const char *)rows.at + i * field->table->size;
        struct slice bytes;
        one.len = 0;
        TRY(put_members(op, field->table, row, depth + 1, &one));
        TRY(buf_done(&one, &bytes));
        put_piece(&list, bytes);
    }
    struct slice bytes;
    TRY(buf_done(&list, &bytes));
    buf_byte(out, field->tag);
    put_piece(out, bytes);
    return NULL;
}

static reason put_struct(struct op *op, const struct field *field, const char *member,
                         unsigned depth, struct buf *out) {
    struct buf one;
    struct slice bytes;
    buf_open(&one, op, RECORD_MAX);
    TRY(put_members(op, field->table, member, depth + 1, &one));
    TRY(buf_done(&one, &bytes));
    if (bytes.len > 0) {
        buf_byte(out, field->tag);
        put_piece(out, bytes);
    }
    return NULL;
}

static reason put_plain(struct op *op, const struct field_table *table, const struct field *field,
                        const char *member, struct buf *out) {
    struct slice text = SLICE_NONE;
    int64_t number = 0;
    bool yes = false;
    int choice = 0;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES:
        memcpy(&text, member, sizeof text);
        if (text.len > (size_t)field->max) {
            return too_much(op, table, field);
        }
        if (text.len > 0) {
            buf_byte(out, field->tag);
            put_piece(out, text);
        }
        return NULL;
    case FIELD_BOOL:
        memcpy(&yes, member, sizeof yes);
        if (yes) {
            buf_byte(out, field->tag);
            put_piece(out, S("\x01"));
        }
        return NULL;
    case FIELD_NUMBER:
    case FIELD_TIME:
        memcpy(&number, member, sizeof number);
        if (number != 0 && (number < field->min || number > field->max)) {
            return too_much(op, table, field);
        }
        if (number != 0) {
            put_number(out, field->tag, number);
        }
        return NULL;
    case FIELD_CHOICE:
        memcpy(&choice, member, sizeof choice);
        if (choice < 0 || choice >= choices_of(field)) {
            return too_much(op, table, field);
        }
        if (choice != 0) {
            buf_byte(out, field->tag);
            buf_byte(out, 2);
            buf_u16(out, (uint16_t)choice);
        }
        return NULL;
    case FIELD_TEXTS:
    case FIELD_STRUCT:
    case FIELD_STRUCTS:
        break;
    }
    CHECK(false); // the caller has dealt with these
    return NULL;
}

static reason put_members(struct op *op, const struct field_table *table, const char *row,
                          unsigned depth, struct buf *out) {
    CHECK(depth < RECORD_DEPTH_MAX);
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[i];
        const char *member = row + field->offset;
        if (field->type == FIELD_TEXTS) {
            TRY(put_texts(op, table, field, member, out));
        } else if (field->type == FIELD_STRUCT) {
            TRY(put_struct(op, field, member, depth, out));
        } else if (field->type == FIELD_STRUCTS) {
            TRY(put_structs(op, table, field, member, depth, out));
        } else {
            TRY(put_plain(op, table, field, member, out));
        }
    }
    return NULL;
}

reason record_put(struct op *op, const struct field_table *table, const void *row,
                  struct slice *ret_bytes) {
    struct buf out;
    buf_open(&out, op, RECORD_MAX);
    buf_u16(&out, table->version);
    TRY(put_members(op, table, row, 0, &out));
    return buf_done(&out, ret_bytes);
}

// ---- reading

struct reader {
    struct op *op;
    bool older; // than the table: it may hold members that were dropped since
};

static reason get_members(const struct reader *in, const struct field_table *table,
                          struct slice rest, unsigned depth, char *row);

static reason bad(const struct reader *in, const struct field_table *table, const char *what) {
    REFUSE(in->op, STORE_UNAVAILABLE,
           "a stored %s cannot be read (%s); the store is damaged, restore it from a backup",
           table->name, what);
}

static int64_t big_endian(struct slice bytes) {
    uint64_t number = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        number = number << 8 | (uint8_t)bytes.at[i];
    }
    return (int64_t)number;
}

static reason get_texts(const struct reader *in, const struct field_table *table,
                        const struct field *field, struct slice rest, char *member) {
    struct texts texts = {NULL, 0};
    if (!count_pieces(rest, field->max, &texts.count)) {
        return bad(in, table, field->name);
    }
    TRY(op_take(in->op, texts.count * sizeof *texts.at, &texts.at));
    for (size_t i = 0; i < texts.count; i++) {
        if (!get_piece(&rest, &texts.at[i]) || texts.at[i].len > FIELD_TEXTS_EACH) {
            return bad(in, table, field->name);
        }
    }
    memcpy(member, &texts, sizeof texts);
    return NULL;
}

static reason get_structs(const struct reader *in, const struct field_table *table,
                          const struct field *field, struct slice rest, unsigned depth,
                          char *member) {
    struct rows rows = {NULL, 0};
    if (!count_pieces(rest, field->max, &rows.count)) {
        return bad(in, table, field->name);
    }
    TRY(op_take(in->op, rows.count * field->table->size, &rows.at));
    for (size_t i = 0; i < rows.count; i++) {
        struct slice piece;
        if (!get_piece(&rest, &piece)) {
            return bad(in, table, field->name);
        }
        TRY(get_members(in, field->table, piece, depth + 1,
                        (char *)rows.at + i * field->table->size));
    }
    memcpy(member, &rows, sizeof rows);
    return NULL;
}

static reason get_plain(const struct reader *in, const struct field_table *table,
                        const struct field *field, struct slice bytes, char *member) {
    int64_t number = bytes.len <= 8 ? big_endian(bytes) : 0;
    bool fits = false;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES:
        fits = bytes.len <= (size_t)field->max;
        memcpy(member, &bytes, sizeof bytes);
        break;
    case FIELD_BOOL:
        fits = bytes.len == 1 && (number == 0 || number == 1);
        memcpy(member, &(bool){number == 1}, sizeof(bool));
        break;
    case FIELD_NUMBER:
    case FIELD_TIME:
        fits = bytes.len == 8 && (number == 0 || (number >= field->min && number <= field->max));
        memcpy(member, &number, sizeof number);
        break;
    case FIELD_CHOICE:
        fits = bytes.len == 2 && number < choices_of(field);
        memcpy(member, &(int){(int)number}, sizeof(int));
        break;
    case FIELD_TEXTS:
    case FIELD_STRUCT:
    case FIELD_STRUCTS:
        CHECK(false); // the caller has dealt with these
    }
    return fits ? NULL : bad(in, table, field->name);
}

static reason get_member(const struct reader *in, const struct field_table *table,
                         const struct field *field, struct slice bytes, unsigned depth, char *row) {
    char *member = row + field->offset;
    if (field->type == FIELD_TEXTS) {
        return get_texts(in, table, field, bytes, member);
    }
    if (field->type == FIELD_STRUCT) {
        return get_members(in, field->table, bytes, depth + 1, member);
    }
    if (field->type == FIELD_STRUCTS) {
        return get_structs(in, table, field, bytes, depth, member);
    }
    return get_plain(in, table, field, bytes, member);
}

// `hint`: where to look first. Members stand in the table's order, so it is nearly always right.
static const struct field *field_of(const struct field_table *table, uint8_t tag, size_t hint) {
    for (size_t i = 0; i < table->count; i++) {
        const struct field *field = &table->fields[(hint + i) % table->count];
        if (field->tag == tag) {
            return field;
        }
    }
    return NULL;
}

static reason get_members(const struct reader *in, const struct field_table *table,
                          struct slice rest, unsigned depth, char *row) {
    CHECK(depth < RECORD_DEPTH_MAX);
    uint64_t seen[4] = {0}; // a bit for each tag
    size_t next = 0;
    while (rest.len > 0) {
        uint8_t tag = (uint8_t)rest.at[0];
        struct slice bytes;
        rest = slice_sub(rest, 1, rest.len);
        if (!get_piece(&rest, &bytes)) {
            return bad(in, table, "it is cut");
        }
        uint64_t bit = UINT64_C(1) << (tag & 63);
        if ((seen[tag >> 6] & bit) != 0) {
            return bad(in, table, "a member is there twice");
        }
        seen[tag >> 6] |= bit;
        const struct field *field = field_of(table, tag, next);
        if (field == NULL) {
            if (!in->older) {
                return bad(in, table, "a member is unknown");
            }
            continue;
        }
        TRY(get_member(in, table, field, bytes, depth, row));
        next = (size_t)(field - table->fields) + 1;
    }
    return NULL;
}

reason record_get(struct op *op, const struct field_table *table, struct slice bytes,
                  void *ret_row) {
    struct reader in = {.op = op};
    if (bytes.len < 2 || bytes.len > RECORD_MAX) {
        return bad(&in, table, "its length");
    }
    int64_t version = big_endian(slice_sub(bytes, 0, 2));
    if (version > table->version) {
        REFUSE(op, SCHEMA,
               "a stored %s has version %d, this program knows %d; use the newer program",
               table->name, (int)version, (int)table->version);
    }
    if (version == 0) {
        return bad(&in, table, "its version");
    }
    in.older = version < table->version;
    struct slice copy;
    char *row = NULL;
    TRY(op_copy(op, slice_sub(bytes, 2, bytes.len), &copy));
    TRY(op_take(op, table->size, &row));
    TRY(get_members(&in, table, copy, 0, row));
    memcpy(ret_row, row, table->size);
    return NULL;
}
