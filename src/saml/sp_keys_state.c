// SPDX-License-Identifier: GPL-3.0-or-later
// Which key is used, which one is published, which one only decrypts: one small file for each kind of key, replaced as a
// whole. Files of keys are made before the state names them, and removed after it does not any more, so that a stop in
// between leaves nothing that is missed.
#include "base/text.h"
#include "saml/sp_keys.h"

static const char *state_file(enum sp_key_kind kind) {
    return kind == SP_SIGNING ? "saml-signing.state" : "saml-encryption.state";
}

// ---- the file -----------------------------------------------------------------------------------

static reason broken(struct op *op, const char *dir, enum sp_key_kind kind, const char *what) {
    REFUSE(op, KEY_FILE,
           "%s/%s: %s. Expected are one or two lines as \"2 current\", one of them current: a number, and one of "
           "next, current, old, retired. Restore it from a backup, together with the keys",
           dir, state_file(kind), what);
}

static bool read_line(struct slice line, struct sp_key_row *ret_row) {
    struct slice number;
    uint64_t value = 0;
    if (!slice_cut(&line, ' ', &number) || line.at == NULL ||
        !text_u64(number, UINT32_MAX, &value) || value == 0) {
        return false;
    }
    for (int i = 0; sp_key_state_names[i] != NULL; i++) {
        if (slice_equal(line, slice_str(sp_key_state_names[i]))) {
            *ret_row = (struct sp_key_row){(uint32_t)value, i};
            return true;
        }
    }
    return false;
}

static reason read_set(struct op *op, const char *dir, enum sp_key_kind kind, struct slice text,
                       struct sp_key_set *ret_set) {
    struct sp_key_set set = {.count = 0};
    struct slice line;
    if (!slice_ends(text, S("\n"))) {
        return broken(op, dir, kind, "its last line does not end");
    }
    text.len--;
    while (slice_cut(&text, '\n', &line)) {
        if (set.count == SP_KEYS_MAX || !read_line(line, &set.rows[set.count])) {
            return broken(op, dir, kind, "a line of it cannot be read");
        }
        set.count++;
    }
    if (!sp_key_set_holds(&set)) {
        return broken(op, dir, kind, "exactly one key has to be the current one, and each stands once");
    }
    *ret_set = set;
    return NULL;
}

reason sp_keys_list(struct op *op, const char *dir, enum sp_key_kind kind, struct sp_key_set *ret_set) {
    struct slice text = SLICE_NONE;
    bool there = false;
    TRY(sp_file_read(op, dir, state_file(kind), &text, &there));
    if (!there) {
        *ret_set = (struct sp_key_set){.rows = {{1, SP_KEY_CURRENT}}, .count = 1};
        return NULL;
    }
    return read_set(op, dir, kind, text, ret_set);
}

static reason write_set(struct op *op, const char *dir, enum sp_key_kind kind,
                        const struct sp_key_set *set) {
    struct slice text = S("");
    for (size_t i = 0; i < set->count; i++) {
        text = op_text(op, "%.*s%u %s\n", SLICE(text), set->rows[i].number,
                       sp_key_state_names[set->rows[i].state]);
    }
    if (text.len == 0) {
        REFUSE(op, LIMIT_MEMORY, "no memory for the states of the keys");
    }
    return sp_file_replace(op, dir, state_file(kind), text);
}

// ---- making -------------------------------------------------------------------------------------

// A key that the state names is not made anew: it was lost, and opening says so.
static reason make_kind(struct op *op, const char *dir, enum sp_key_kind kind) {
    struct sp_key_set set;
    struct slice text = SLICE_NONE;
    bool stated = false;
    TRY(sp_file_read(op, dir, state_file(kind), &text, &stated));
    TRY(sp_keys_list(op, dir, kind, &set));
    for (size_t i = 0; i < set.count; i++) {
        bool there = false;
        TRY(sp_pair_there(op, dir, kind, set.rows[i].number, &there));
        if (there || !stated) {
            TRY(sp_pair_make(op, dir, kind, set.rows[i].number));
        }
    }
    return NULL;
}

reason sp_keys_make(struct op *op, const char *dir) {
    TRY(make_kind(op, dir, SP_SIGNING));
    return make_kind(op, dir, SP_ENCRYPTION);
}

// ---- rolling over -------------------------------------------------------------------------------

reason sp_keys_add(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t *ret_number) {
    struct sp_key_set set;
    TRY(sp_keys_list(op, dir, kind, &set));
    uint32_t number = set.rows[0].number + 1;
    TRY(sp_key_set_add(op, &set, kind, number));
    TRY(sp_pair_make(op, dir, kind, number));
    TRY(write_set(op, dir, kind, &set));
    *ret_number = number;
    return NULL;
}

static reason take_step(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number,
                        enum sp_key_step step) {
    struct sp_key_set set;
    TRY(sp_keys_list(op, dir, kind, &set));
    TRY(sp_key_set_step(op, &set, kind, number, step));
    return write_set(op, dir, kind, &set);
}

reason sp_keys_use(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number) {
    return take_step(op, dir, kind, number, SP_KEY_USE);
}

reason sp_keys_retire(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number) {
    return take_step(op, dir, kind, number, SP_KEY_RETIRE);
}

reason sp_keys_remove(struct op *op, const char *dir, enum sp_key_kind kind, uint32_t number) {
    TRY(take_step(op, dir, kind, number, SP_KEY_REMOVE));
    return sp_pair_remove(op, dir, kind, number);
}
