// SPDX-License-Identifier: GPL-3.0-or-later
// The settings of the gate as the mail room wants them.
#include "http/gate.h"

// How we greet a mail server: the host that people know.
static struct slice host_of(struct slice public_url) {
    size_t from = slice_find(public_url, S("://"));
    struct slice rest = slice_sub(public_url, from == SIZE_MAX ? 0 : from + 3, public_url.len);
    struct slice host = S("");
    (void)slice_cut(&rest, ':', &host);
    // An address in brackets would need brackets of another kind.
    return host.len == 0 || host.at[0] == '[' ? S("localhost") : host;
}

struct post_options settings_post(const struct settings *settings) {
    return (struct post_options){
        .url = settings->smtp_url,
        .user = settings->smtp_user,
        .password = settings->smtp_password,
        .tls = settings->smtp_tls,
        .ca_file = settings->smtp_ca_file,
        .data_dir = settings->data_dir,
        .host = host_of(settings->public_url),
        .timeout = settings->smtp_timeout,
        .from = settings->smtp_from,
    };
}

struct compose gate_compose(const struct gate *gate) {
    const struct settings *settings = gate->settings;
    return (struct compose){
        .key = gate->ticket_key,
        .public_url = settings->public_url,
        .product = settings->product,
        .from = settings->smtp_from,
        .from_name = settings->smtp_from_name,
        .support = settings->support_contact,
    };
}
