/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An example for libgatehouse: reads a key set from a file and a token from standard input, and says whose the
 * token is and which roles it carries. Build it from what is installed:
 *
 *     cc -std=c99 check_token.c $(pkg-config --cflags --libs libgatehouse) -o check_token
 *     ./check_token https://login.example jwks.json [role] <token
 *
 * Exit status: 0 the token holds (and has the role), 3 it does not, 1 trouble, 2 usage. */
#include <gatehouse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libgatehouse asks for keys. A service would ask the gate over HTTPS here, with the client it has. */
static int read_keys(void *arg, char **ret_jwks, size_t *ret_len) {
    char *text = malloc(GATEHOUSE_JWKS_MAX + 1);
    FILE *file = text != NULL ? fopen(arg, "rb") : NULL;
    if (file == NULL) {
        free(text);
        return 1;
    }
    *ret_len = fread(text, 1, GATEHOUSE_JWKS_MAX + 1, file);
    *ret_jwks = text;
    fclose(file);
    return 0;
}

int main(int argc, char **argv) {
    char text[GATEHOUSE_TOKEN_MAX + 2];
    gatehouse_token *token = NULL;
    size_t i;
    int result = 0;
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: check_token ISSUER JWKS-FILE [ROLE] <TOKEN\n");
        return 2;
    }
    gatehouse *gate = gatehouse_new(argv[1], argv[1]);
    if (gate == NULL) {
        return 1;
    }
    gatehouse_set_fetcher(gate, read_keys, argv[2]);
    size_t len = fread(text, 1, sizeof text, stdin);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    gatehouse_status status = gatehouse_check(gate, text, len, 0, &token);
    if (status != GATEHOUSE_OK) {
        printf("refused: %s\n", gatehouse_strerror(status));
        result = 3;
    } else {
        printf("subject %s\n", gatehouse_token_subject(token));
        if (gatehouse_token_tenant(token) != NULL) {
            printf("tenant %s\n", gatehouse_token_tenant(token));
        }
        for (i = 0; i < gatehouse_token_role_count(token); i++) {
            printf("role %s\n", gatehouse_token_role(token, i));
        }
        result = argc == 4 && !gatehouse_token_has_role(token, argv[3]) ? 3 : 0;
    }
    gatehouse_token_free(token);
    gatehouse_free(gate);
    return result;
}
