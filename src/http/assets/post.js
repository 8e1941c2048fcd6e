// SPDX-License-Identifier: GPL-3.0-or-later
// Submits the one form of a page that only passes a message on; without JavaScript its button does.
document.forms[0].submit();
