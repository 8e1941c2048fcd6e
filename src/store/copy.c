// SPDX-License-Identifier: GPL-3.0-or-later
// Copies of a store, made while a gate has it open or while nobody has.
#include <fcntl.h>
#include <unistd.h>

#include "base/auto.h"
#include "store/engine.h"
#include "store/place.h"

// O_DSYNC: written piece by piece, so that the syncs of the gate beside it do not wait for all of it at the end.
static reason copy_to(struct op *op, const char *from, const char *to) {
    AUTO_FD fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_DSYNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        int error = errno;
        REFUSE(op, DATA_DIR, "%s cannot be made: %s", to, engine_words(error));
    }
    int code = engine_copy(from, fd);
    if (code == 0) {
        return NULL;
    }
    (void)unlink(to);
    if (engine_class_of(code) == ENGINE_NO_ROOM) {
        REFUSE(op, STORE_UNAVAILABLE, "there is no room for the copy %s (%s); it was removed", to, engine_words(code));
    }
    if (code == ENOENT || code == EACCES || code == EPERM) {
        REFUSE(op, DATA_DIR, "%s, or the -lock file beside it, cannot be opened: %s; run this as the user that the gate runs as",
               from, engine_words(code));
    }
    REFUSE(op, STORE_UNAVAILABLE, "%s could not be copied to %s: %s; what was copied was removed", from, to,
           engine_words(code));
}

reason store_copy(struct op *op, const char *dir, const char *to) {
    const char *from = NULL;
    TRY(op_cstr(op, op_text(op, "%s/" STORE_FILE, dir), &from));
    return copy_to(op, from, to);
}

reason store_hold(struct op *op, const char *dir, int *ret_lock) {
    struct place place;
    TRY(place_take(op, dir, &place));
    *ret_lock = place.lock;
    return NULL;
}

reason store_check(struct op *op, const char *file, struct store_stat *ret_stat) {
    int code = engine_count(file, ret_stat);
    if (code != 0) {
        REFUSE(op, STORE_UNAVAILABLE, "%s is damaged, or no store: %s", file, engine_words(code));
    }
    return NULL;
}
