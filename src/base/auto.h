// SPDX-License-Identifier: GPL-3.0-or-later
// Foreign objects are freed when their name goes out of scope: AUTO(EVP_PKEY) key = ...;
// A file that owns a foreign type says once how it is freed: AUTO_FREE(EVP_PKEY, EVP_PKEY_free)
#ifndef GATEHOUSE_BASE_AUTO_H
#define GATEHOUSE_BASE_AUTO_H

#define AUTO_FREE(type, function)                                                                  \
    __attribute__((unused)) static inline void auto_free_##type(type **it) {                       \
        if (*it != NULL) {                                                                         \
            function(*it);                                                                         \
            *it = NULL;                                                                            \
        }                                                                                          \
    }                                                                                              \
    struct auto_semicolon_##type
#define AUTO(type) __attribute__((cleanup(auto_free_##type))) type *

// Large, and with counts that say how much of it was written: the compiler, which clears all other local variables, leaves
// it. For what each login has.
#define UNCLEARED __attribute__((uninitialized))

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

void auto_close_fd(int *fd); // closes unless negative
#define AUTO_FD __attribute__((cleanup(auto_close_fd))) int

#endif
