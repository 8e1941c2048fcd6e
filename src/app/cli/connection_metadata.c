// SPDX-License-Identifier: GPL-3.0-or-later
// gatehouse connection refresh, changes, approve, reject, distrust, trust: what is known of an identity provider's
// keys, when it changes by itself. Through the API, as all of them.
#include "app/cli/connection.h"

static void show_watch(struct op *op, const struct json *watch) {
    struct slice text = S("");
    bool alarm = false;
    show_pair("looked at", show_member(op, watch, "checked_at"));
    show_pair("next look", show_member(op, watch, "next_at"));
    if (json_text(json_get(watch, "trouble"), &text) && text.len > 0) {
        show_pair("trouble", op_text(op, "%.*s: %.*s", SLICE(text),
                                     SLICE(show_member(op, watch, "trouble_detail"))));
    }
    if (!json_text(json_get(watch, "change"), &text) || text.len == 0) {
        show_line("No change waits for approval.");
        return;
    }
    show_pair("change", text);
    show_pair("seen", show_member(op, watch, "seen_at"));
    show_pair("changes", show_member(op, watch, "diff"));
    if (json_bool(json_get(watch, "alarm"), &alarm) && alarm) {
        show_line("This is no added key beside the old ones: ask the customer before you approve it.");
    }
}

static struct slice changes_target(struct op *op, const struct args *args, const char *action) {
    return op_text(op, "%.*s/metadata-changes%s", SLICE(connection_target(op, args->words[0])), action);
}

reason connection_changes(struct op *op, struct args *args) {
    const struct json *watch = NULL;
    TRY(api_tell(op, args, METHOD_GET, changes_target(op, args, ""), NULL, &watch));
    if (!args->json) {
        show_watch(op, watch);
    }
    return NULL;
}

reason connection_refresh(struct op *op, struct args *args) {
    const struct json *watch = NULL;
    struct slice outcome = S("");
    TRY(api_tell(op, args, METHOD_POST,
                 op_text(op, "%.*s:refresh-metadata", SLICE(connection_target(op, args->words[0]))),
                 NULL, &watch));
    (void)json_text(json_get(watch, "outcome"), &outcome);
    if (slice_equal(outcome, S("failed"))) {
        args->status = CLI_REFUSED;
    }
    if (!args->json) {
        show_pair("outcome", outcome);
        show_watch(op, watch);
    }
    return NULL;
}

// The change that is named, or else the one that waits now: it is shown with what it does.
static reason decide(struct op *op, struct args *args, const char *action,
                     const struct json **ret_answer) {
    struct json *body = json_object(op);
    struct slice change = args_one(args, "change");
    if (change.at == NULL) {
        const struct json *watch = NULL;
        TRY(api_get(op, args, changes_target(op, args, ""), &watch));
        if (!json_text(json_get(watch, "change"), &change) || change.len == 0) {
            REFUSE(op, ILLEGAL_TRANSITION, "no change of the metadata waits for approval");
        }
        if (!args->json) {
            show_pair("change", change);
            show_pair("changes", show_member(op, watch, "diff"));
        }
    }
    json_set_text(op, body, "change", change);
    return api_tell(op, args, METHOD_POST, changes_target(op, args, action), body, ret_answer);
}

reason connection_approve(struct op *op, struct args *args) {
    const struct json *connection = NULL;
    TRY(decide(op, args, ":approve", &connection));
    if (!args->json) {
        show_line("The change is applied.");
    }
    return NULL;
}

reason connection_reject(struct op *op, struct args *args) {
    const struct json *watch = NULL;
    TRY(decide(op, args, ":reject", &watch));
    if (!args->json) {
        show_line("The change is dropped; the same one is not raised again.");
    }
    return NULL;
}

static reason set_trust(struct op *op, struct args *args, const char *action, const char *said) {
    const struct json *connection = NULL;
    TRY(api_tell(op, args, METHOD_POST,
                 op_text(op, "%.*s/certificates/%.*s:%s",
                         SLICE(connection_target(op, args->words[0])),
                         SLICE(api_part(op, args->words[1])), action),
                 NULL, &connection));
    if (!args->json) {
        show_line("%s", said);
        show_state(op, connection);
    }
    return NULL;
}

reason connection_distrust_key(struct op *op, struct args *args) {
    return set_trust(op, args, "distrust",
                     "Nothing that this key signs is accepted any more, whatever is imported.");
}

reason connection_trust_key(struct op *op, struct args *args) {
    return set_trust(op, args, "trust",
                     "The certificate is off the list; it counts where the identity provider has it.");
}
