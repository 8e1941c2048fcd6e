// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the messages of a run into a directory, for other implementations to judge: each message as it is decoded from
// its form, and corpus.json with what they are to trust. No private key is ever written.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/selftest/selftest.h"
#include "base/json.h"

static reason write_file(struct op *op, struct slice dir, const char *name, struct slice bytes) {
    const char *path = NULL;
    TRY(op_cstr(op, op_text(op, "%.*s/%s", SLICE(dir), name), &path));
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    while (fd >= 0 && bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.at, bytes.len);
        if (wrote <= 0) {
            break;
        }
        bytes = slice_sub(bytes, (size_t)wrote, bytes.len);
    }
    if (fd < 0 || bytes.len > 0) {
        REFUSE(op, INTERNAL, "cannot write %s: %s", path, strerror(errno));
    }
    return NULL;
}

reason dump_open(struct op *op, struct slice dir, const struct bench *bench) {
    const char *path = NULL;
    TRY(op_cstr(op, dir, &path));
    if (mkdir(path, 0755) != 0 && errno != EEXIST) {
        REFUSE(op, INTERNAL, "cannot make %s: %s", path, strerror(errno));
    }
    (void)bench;
    return NULL;
}

static struct slice trusted(const struct maker *maker) {
    return maker->bench->parties[maker->bench->places[maker->place].signer].certificate;
}

reason dump_row(struct op *op, struct slice dir, const struct maker *maker,
                const struct verdict_row *verdict, struct json *list) {
    const struct attack *row = maker->row;
    static const char *const doors[DOORS] = {
        [DOOR_ACS] = "acs", [DOOR_LOGOUT_QUERY] = "logout_query", [DOOR_LOGOUT_POST] = "logout_post",
        [DOOR_METADATA] = "metadata", [DOOR_METADATA_SIGNED] = "metadata_signed"};
    const char *file = NULL;
    TRY(op_cstr(op, op_text(op, "%s.xml", row->name), &file));
    TRY(write_file(op, dir, file, maker->message));
    struct json *out = json_object(op);
    json_set_str(op, out, "name", row->name);
    json_set_str(op, out, "group", row->group);
    json_set_str(op, out, "says", row->says);
    json_set_str(op, out, "door", doors[row->door]);
    json_set_str(op, out, "file", file);
    json_set_str(op, out, "expected", row->expect);
    json_set_text(op, out, "got", verdict->got);
    json_set_text(op, out, "who", make_who(maker));
    json_set_text_or_null(op, out, "query", row->door == DOOR_LOGOUT_QUERY ? maker->query : SLICE_NONE);
    json_set_bool(op, out, "encrypted", row->cipher != NULL);
    json_set_text_or_null(op, out, "in_response_to", maker->pending.request_id);
    json_set_str(op, out, "idp_entity_id", maker->bench->places[maker->place].entity);
    json_set_text(op, out, "idp_certificate", trusted(maker));
    json_set_text(op, out, "entity_id", maker->bench->places[maker->place].sp.entity_id);
    json_set_text(op, out, "acs_url", maker->bench->places[maker->place].sp.acs_url);
    json_set_text(op, out, "slo_url", maker->bench->places[maker->place].sp.slo_url);
    json_add(op, list, out);
    return NULL;
}

reason dump_close(struct op *op, struct slice dir, struct json *list) {
    struct slice text;
    TRY(json_print(op, list, true, &text));
    return write_file(op, dir, "corpus.json", text);
}
