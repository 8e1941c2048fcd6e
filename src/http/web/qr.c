// SPDX-License-Identifier: GPL-3.0-or-later
// A QR code on a page, as a drawing in the page itself: no file, no script, no other site sees what is in it.
#include <qrencode.h>

#include "http/web/form.h"

#define QUIET 4 // modules of white around it, which readers need

AUTO_FREE(QRcode, QRcode_free);

// The dark runs of one row, as strokes of a path.
static void put_row(struct page_out *page, const unsigned char *row, int width, int y) {
    for (int x = 0; x < width;) {
        int from = x;
        while (x < width && (row[x] & 1) != 0) {
            x++;
        }
        if (x > from) {
            buf_printf(&page->html, "M%d %dh%dv1h-%dz", from + QUIET, y + QUIET, x - from, x - from);
        } else {
            x++;
        }
    }
}

reason page_qr(struct op *op, struct page_out *page, struct slice text) {
    const char *plain = NULL;
    TRY(op_cstr(op, text, &plain));
    AUTO(QRcode) code = QRcode_encodeString8bit(plain, 0, QR_ECLEVEL_M);
    if (code == NULL) {
        return NULL; // too long, or no memory: the key stands beside it as text
    }
    int size = code->width + 2 * QUIET;
    buf_printf(&page->html,
               "<svg class=\"qr\" role=\"img\" aria-label=\"The same key as a QR code\" viewBox=\"0 0 %d %d\" "
               "width=\"240\" height=\"240\"><path fill=\"#fff\" d=\"M0 0h%dv%dH0z\"/><path fill=\"#000\" d=\"",
               size, size, size, size);
    for (int y = 0; y < code->width; y++) {
        put_row(page, code->data + (size_t)y * (size_t)code->width, code->width, y);
    }
    page_html(page, "\"/></svg>\n");
    return NULL;
}
