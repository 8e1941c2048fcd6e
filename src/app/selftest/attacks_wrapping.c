// SPDX-License-Identifier: GPL-3.0-or-later
// Signature wrapping: the honest, signed element stays somewhere in the message, and a forged one stands where a
// careless reader looks. XSW1 to XSW8 are those of "On Breaking SAML" (Somorovsky et al., 2012).
#include "app/selftest/selftest.h"

#define ASSERTION_WIRE(...) .signs = SIGNS_ASSERTION, .edits = EDITS(__VA_ARGS__)
#define RESPONSE_WIRE(...) .signs = SIGNS_RESPONSE, .edits = EDITS(__VA_ARGS__)

const struct attack attacks_wrapping[] = {
    {"honest", "control", "An honest message, the Assertion signed, is accepted.", "accepted",
     .signs = SIGNS_ASSERTION, .lands = "/reports/7"},
    {"honest-response-signed", "control", "An honest message, the Response signed, is accepted.",
     "accepted", .signs = SIGNS_RESPONSE},
    {"honest-both-signed", "control", "An honest message, both signed, is accepted.", "accepted",
     .signs = SIGNS_BOTH},
    {"xsw1", "xsw", "The signed Response moves into the Signature of a forged Response around it.",
     "signature.reference",
     RESPONSE_WIRE({STAGE_WIRE, NULL, "${EO}${RS[R()]}${ST}${E}${RC}"})},
    {"xsw2", "xsw", "The signed Response stands inside a forged one, beside its Signature.",
     "signature.reference",
     RESPONSE_WIRE({STAGE_WIRE, NULL, "${EO}${R()}${RS}${ST}${E}${RC}"})},
    {"xsw3", "xsw", "A forged Assertion stands before the signed one.", "assertion.count",
     ASSERTION_WIRE({STAGE_WIRE, NULL, "${RO}${ST}${E}${A}${RC}"})},
    {"xsw4", "xsw", "The signed Assertion is a child of a forged one.", "signature.misplaced",
     ASSERTION_WIRE({STAGE_WIRE, NULL, "${RO}${ST}${E[A]}${RC}"})},
    {"xsw5", "xsw",
     "A forged Assertion with the honest Signature, the honest one without at the end.",
     "assertion.count", ASSERTION_WIRE({STAGE_WIRE, NULL, "${RO}${ST}${E(AS)}${A()}${RC}"})},
    {"xsw6", "xsw", "A forged Assertion with the honest Signature, in which the honest one stands.",
     "signature.reference", ASSERTION_WIRE({STAGE_WIRE, NULL, "${RO}${ST}${E(AS[A()])}${RC}"})},
    {"xsw7", "xsw", "A forged Assertion in Extensions: what stands there is never read.", "accepted",
     ASSERTION_WIRE({STAGE_WIRE, NULL,
                     "${RO}<samlp:Extensions>${E}</samlp:Extensions>${ST}${A}${RC}"})},
    {"xsw8", "xsw",
     "A forged Assertion with the honest Signature, in whose Object the honest one stands.",
     "signature.reference", ASSERTION_WIRE({STAGE_WIRE, NULL, "${RO}${ST}${E(AS[O:A()])}${RC}"})},
    {0},
};
