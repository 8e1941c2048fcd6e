// SPDX-License-Identifier: GPL-3.0-or-later
// Assertions that stay in release builds. They mark bugs of ours, never input: input is refused.
#ifndef GATEHOUSE_BASE_CHECK_H
#define GATEHOUSE_BASE_CHECK_H

#define CHECK(condition)                                                                           \
    ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__, __func__))

// Says where and aborts.
__attribute__((noreturn)) void check_failed(const char *what, const char *file, int line,
                                            const char *function);

#endif
