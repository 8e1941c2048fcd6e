// SPDX-License-Identifier: GPL-3.0-or-later
// Who can sign in: the demo people, or those of a file that the caller names.
// Never: holds a password. There are none.
#include "practice/practice.h"

#include <string.h>

#define PEOPLE_MAX 1000 // a practice page with more is of no use to anyone

static void person_free(void *at) {
    struct person *person = at;
    g_free(person->email);
    g_free(person->first);
    g_free(person->last);
    g_strfreev(person->groups);
    g_free(person);
}

static void people_add(GPtrArray *people, const char *email, const char *first, const char *last,
                       const char *groups) {
    struct person *person = g_new0(struct person, 1);
    person->email = g_ascii_strdown(email, -1);
    person->first = g_strdup(first);
    person->last = g_strdup(last);
    g_auto(GStrv) words = g_strsplit(groups, ",", -1);
    g_autoptr(GPtrArray) kept = g_ptr_array_new();
    for (char **word = words; *word != NULL; word++) {
        if (*g_strstrip(*word) != '\0') {
            g_ptr_array_add(kept, g_strdup(*word));
        }
    }
    g_ptr_array_add(kept, NULL);
    person->groups = (char **)g_ptr_array_free(g_steal_pointer(&kept), FALSE);
    g_ptr_array_add(people, person);
}

GPtrArray *people_demo(void) {
    static const char *const rows[][4] = {
        {"ada@demo.example", "Ada", "Lovelace", "Everyone,Admins"},
        {"grace@demo.example", "Grace", "Hopper", "Everyone,Analysts"},
        {"carol@demo.example", "Carol", "Shaw", "Everyone,Compliance"},
        {"edsger@demo.example", "Edsger", "Dijkstra", "Everyone,Audiences"},
        {"radia@demo.example", "Radia", "Perlman", "Everyone,Gatekeepers"},
        {"katherine@demo.example", "Katherine", "Johnson", "Everyone,Admins,Compliance"},
        {"zoe@demo.example", "Zo\303\253", "Mu\303\261oz", "Everyone,Analysts,R&D"},
        {"sam@demo.example", "Sam", "Vimes", ""},
        {"mallory@elsewhere.example", "Mallory", "Stranger", "Everyone,Admins"},
    };
    GPtrArray *people = g_ptr_array_new_with_free_func(person_free);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        people_add(people, rows[i][0], rows[i][1], rows[i][2], rows[i][3]);
    }
    return people;
}

const struct person *people_find(const GPtrArray *people, const char *email) {
    if (email == NULL) {
        return NULL;
    }
    for (guint i = 0; i < people->len; i++) {
        const struct person *person = g_ptr_array_index(people, i);
        if (g_ascii_strcasecmp(person->email, email) == 0) {
            return person;
        }
    }
    return NULL;
}

static char *people_line(GPtrArray *people, char *line, const char *path, guint number) {
    g_auto(GStrv) cells = g_strsplit(line, "|", -1);
    guint count = g_strv_length(cells);
    if (count < 3 || count > 4 || people->len >= PEOPLE_MAX) {
        return g_strdup_printf(
            "%s line %u: expected at most %d lines of `email | first name | last name"
            " | group, group`, got `%s`.",
            path, number, PEOPLE_MAX, line);
    }
    for (guint i = 0; i < count; i++) {
        g_strstrip(cells[i]);
    }
    if (strchr(cells[0], '@') == NULL || people_find(people, cells[0]) != NULL) {
        return g_strdup_printf(
            "%s line %u: expected an e-mail address that is not there yet, got `%s`.", path, number,
            cells[0]);
    }
    people_add(people, cells[0], cells[1], cells[2], count == 4 ? cells[3] : "");
    return NULL;
}

char *people_load(const char *path, GPtrArray **ret_people) {
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &text, NULL, &error)) {
        return g_strdup_printf("The people file cannot be read: %s.", error->message);
    }
    if (!g_utf8_validate(text, -1, NULL)) {
        return g_strdup_printf("%s is not UTF-8 text.", path);
    }
    g_autoptr(GPtrArray) people = g_ptr_array_new_with_free_func(person_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        char *line = g_strstrip(lines[i]);
        if (*line == '\0' || *line == '#') {
            continue;
        }
        char *why = people_line(people, line, path, i + 1);
        if (why != NULL) {
            return why;
        }
    }
    if (people->len == 0) {
        return g_strdup_printf("%s names nobody.", path);
    }
    *ret_people = g_steal_pointer(&people);
    return NULL;
}
