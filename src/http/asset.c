// SPDX-License-Identifier: GPL-3.0-or-later
#include "http/asset.h"

#define EMBED(symbol, path)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            ".global asset_" #symbol "_start\n.hidden asset_" #symbol "_start\n"                   \
            ".global asset_" #symbol "_end\n.hidden asset_" #symbol "_end\n"                       \
            "asset_" #symbol "_start:\n.incbin \"" path "\"\n"                                     \
            "asset_" #symbol "_end:\n.byte 0\n.previous\n");                                       \
    extern const char asset_##symbol##_start[], asset_##symbol##_end[]

EMBED(css, "src/http/assets/gatehouse.css");
EMBED(post, "src/http/assets/post.js");

static const struct asset assets[] = {
    {"gatehouse.css", "text/css; charset=utf-8", asset_css_start, asset_css_end},
    {"post.js", "text/javascript; charset=utf-8", asset_post_start, asset_post_end},
};

const struct asset *asset_find(struct slice name) {
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++) {
        if (slice_equal(name, slice_str(assets[i].name))) {
            return &assets[i];
        }
    }
    return NULL;
}
