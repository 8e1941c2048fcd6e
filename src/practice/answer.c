// SPDX-License-Identifier: GPL-3.0-or-later
// One Response: built as lasso's objects, dressed in the persona's XML, signed, and spoilt on
// demand. Never: decides who signs in or where the answer goes; sso.c does.
#include "practice/practice.h"

#include <lasso/xml/misc_text_node.h>
#include <lasso/xml/saml-2.0/saml2_attribute.h>
#include <lasso/xml/saml-2.0/saml2_attribute_statement.h>
#include <lasso/xml/saml-2.0/saml2_attribute_value.h>
#include <lasso/xml/saml-2.0/saml2_audience_restriction.h>
#include <lasso/xml/saml-2.0/saml2_authn_statement.h>
#include <lasso/xml/saml-2.0/samlp2_response.h>
#include <libxml/parser.h>
#include <string.h>

#define NAMESPACE_SCHEMA "http://www.w3.org/2001/XMLSchema"
#define NAMESPACE_INSTANCE "http://www.w3.org/2001/XMLSchema-instance"
#define MINUTE_S 60
#define VALID_S (5 * MINUTE_S)
#define SESSION_LIFE_S (8 * 60 * MINUTE_S)
#define OVERAGE_NAME "http://schemas.microsoft.com/claims/groups.link"
#define OVERAGE_LINK "https://graph.windows.net/demo/users/%s/getMemberObjects"

// Unix seconds with the fraction of now; all times of one answer come from one reading of the
// clock.
struct times {
    gint64 issued, not_before, until, authn, session_until; // microseconds
};

static char *instant(gint64 microseconds) {
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(microseconds / SECOND_US);
    g_autofree char *seconds = g_date_time_format(time, "%Y-%m-%dT%H:%M:%S");
    return g_strdup_printf("%s.%03dZ", seconds, (int)(microseconds % SECOND_US / 1000));
}

static struct times times_of(const struct answer *answer) {
    gint64 clock = g_get_real_time();
    if (answer->fault == FAULT_SKEW) {
        clock += 10 * MINUTE_S * SECOND_US;
    } else if (answer->fault == FAULT_EXPIRED) {
        clock -= 20 * MINUTE_S * SECOND_US;
    }
    gint64 since_login =
        answer->session != NULL ? g_get_monotonic_time() - answer->session->aged.made_at : 0;
    struct times times = {
        .issued = clock,
        .not_before = clock - answer->persona->margin_s * SECOND_US,
        .until = clock + VALID_S * SECOND_US,
        .authn = clock - since_login,
        .session_until = clock + SESSION_LIFE_S * SECOND_US,
    };
    if (answer->fault == FAULT_EARLY) {
        times.not_before = clock + 15 * MINUTE_S * SECOND_US;
        times.until = clock + 20 * MINUTE_S * SECOND_US;
    }
    return times;
}

static LassoSaml2NameID *issuer_make(const struct idp *idp, const struct persona *persona) {
    LassoSaml2NameID *issuer = LASSO_SAML2_NAME_ID(lasso_saml2_name_id_new());
    issuer->content = g_strdup(idp->entity_id);
    issuer->Format = g_strdup(persona->issuer_format);
    return issuer;
}

static LassoSaml2NameID *name_id_make(const struct idp *idp, const struct answer *answer) {
    const char *format = answer->pending->name_id_format;
    if (format == NULL || strcmp(format, FORMAT_UNSPECIFIED) == 0) {
        format = answer->persona->name_id_format;
    }
    const struct session *session = answer->session;
    enum attribute_source from = FROM_EMAIL;
    if (strcmp(format, FORMAT_PERSISTENT) == 0) {
        from = FROM_OBJECT_ID;
    } else if (strcmp(format, FORMAT_UNSPECIFIED) == 0) {
        from = FROM_USERNAME;
    }
    g_autoptr(GPtrArray) values = attribute_values(session->person, from);
    bool transient = strcmp(format, FORMAT_TRANSIENT) == 0;
    const char *value = transient ? session->transient_id : g_ptr_array_index(values, 0);
    LassoSaml2NameID *name_id = LASSO_SAML2_NAME_ID(lasso_saml2_name_id_new());
    name_id->content = g_strdup(value);
    name_id->Format = g_strdup(format);
    if (transient || from == FROM_OBJECT_ID) {
        name_id->NameQualifier = g_strdup(idp->entity_id);
        name_id->SPNameQualifier = g_strdup(answer->sp->entity_id);
    }
    return name_id;
}

static char *in_response_to(const struct answer *answer) {
    return answer->fault == FAULT_WRONG_IN_RESPONSE_TO ? random_id()
                                                       : g_strdup(answer->pending->request_id);
}

static char *spoilt(const char *url, bool spoil) {
    return spoil ? g_strdup_printf("%s-of-someone-else", url) : g_strdup(url);
}

static LassoSaml2Subject *subject_make(const struct idp *idp, const struct answer *answer,
                                       const struct times *times, const char *answers_to) {
    LassoSaml2Subject *subject = LASSO_SAML2_SUBJECT(lasso_saml2_subject_new());
    if (answer->fault != FAULT_NO_NAME_ID) {
        subject->NameID = name_id_make(idp, answer);
    }
    LassoSaml2SubjectConfirmation *confirmation =
        LASSO_SAML2_SUBJECT_CONFIRMATION(lasso_saml2_subject_confirmation_new());
    confirmation->Method = g_strdup(LASSO_SAML2_CONFIRMATION_METHOD_BEARER);
    LassoSaml2SubjectConfirmationData *data =
        LASSO_SAML2_SUBJECT_CONFIRMATION_DATA(lasso_saml2_subject_confirmation_data_new());
    data->NotOnOrAfter = instant(times->until);
    data->Recipient = spoilt(answer->pending->acs, answer->fault == FAULT_WRONG_RECIPIENT);
    data->InResponseTo = g_strdup(answers_to);
    confirmation->SubjectConfirmationData = data;
    subject->SubjectConfirmation = confirmation;
    return subject;
}

static LassoSaml2Conditions *conditions_make(const struct answer *answer,
                                             const struct times *times) {
    LassoSaml2Conditions *conditions = LASSO_SAML2_CONDITIONS(lasso_saml2_conditions_new());
    conditions->NotBefore = instant(times->not_before);
    conditions->NotOnOrAfter = instant(times->until);
    LassoSaml2AudienceRestriction *audience =
        LASSO_SAML2_AUDIENCE_RESTRICTION(lasso_saml2_audience_restriction_new());
    audience->Audience = spoilt(answer->sp->entity_id, answer->fault == FAULT_WRONG_AUDIENCE);
    conditions->AudienceRestriction = g_list_append(NULL, audience);
    return conditions;
}

static LassoSaml2AuthnStatement *authn_make(const struct answer *answer,
                                            const struct times *times) {
    LassoSaml2AuthnStatement *authn =
        LASSO_SAML2_AUTHN_STATEMENT(lasso_saml2_authn_statement_new());
    authn->AuthnInstant = instant(times->authn);
    authn->SessionIndex = g_strdup(answer->session->session_index);
    if (answer->persona->session_lifetime) {
        authn->SessionNotOnOrAfter = instant(times->session_until);
    }
    const char *asked = answer->pending->authn_class;
    authn->AuthnContext = LASSO_SAML2_AUTHN_CONTEXT(lasso_saml2_authn_context_new());
    authn->AuthnContext->AuthnContextClassRef =
        g_strdup(asked != NULL ? asked : answer->persona->authn_class);
    return authn;
}

static LassoSaml2AttributeValue *value_make(const char *text) {
    LassoMiscTextNode *node = lasso_misc_text_node_new_with_string(text);
    node->text_child = TRUE;
    LassoSaml2AttributeValue *value = lasso_saml2_attribute_value_new();
    value->any = g_list_append(NULL, node);
    return value;
}

static LassoSaml2Attribute *attribute_make(const char *name, const char *format,
                                           const char *friendly) {
    LassoSaml2Attribute *attribute = LASSO_SAML2_ATTRIBUTE(lasso_saml2_attribute_new());
    attribute->Name = g_strdup(name);
    attribute->NameFormat = g_strdup(format);
    attribute->FriendlyName = g_strdup(friendly);
    return attribute;
}

static void row_add(LassoSaml2AttributeStatement *statement, const struct attribute_row *row,
                    const GPtrArray *values) {
    LassoSaml2Attribute *attribute = NULL;
    for (guint i = 0; i < values->len; i++) {
        if (attribute == NULL || row->from == FROM_REALM_ROLES) {
            attribute = attribute_make(row->name, row->format, row->friendly);
            statement->Attribute = g_list_append(statement->Attribute, attribute);
        }
        attribute->AttributeValue =
            g_list_append(attribute->AttributeValue, value_make(g_ptr_array_index(values, i)));
    }
}

static void overage_add(LassoSaml2AttributeStatement *statement, const struct person *person) {
    static const struct attribute_row row = {FROM_GROUPS, OVERAGE_NAME, NULL, NULL};
    g_autoptr(GPtrArray) object = attribute_values(person, FROM_OBJECT_ID);
    g_autoptr(GPtrArray) link = g_ptr_array_new_with_free_func(g_free);
    const char *object_id = g_ptr_array_index(object, 0);
    g_ptr_array_add(link, g_strdup_printf(OVERAGE_LINK, object_id));
    row_add(statement, &row, link);
}

static LassoSaml2AttributeStatement *attributes_make(const struct answer *answer) {
    LassoSaml2AttributeStatement *statement =
        LASSO_SAML2_ATTRIBUTE_STATEMENT(lasso_saml2_attribute_statement_new());
    const struct person *person = answer->session->person;
    for (const struct attribute_row *row = answer->persona->attributes; row->from != FROM_END;
         row++) {
        bool groups = attribute_is_group(row->from);
        if (groups && answer->fault == FAULT_GROUP_OVERAGE) {
            overage_add(statement, person);
        } else if (!groups || answer->fault != FAULT_NO_GROUPS) {
            g_autoptr(GPtrArray) values = attribute_values(person, row->from);
            if (values != NULL) {
                row_add(statement, row, values);
            }
        }
    }
    return statement;
}

static LassoSaml2Assertion *assertion_make(const struct idp *idp, const struct answer *answer,
                                           const struct times *times, const char *answers_to) {
    LassoSaml2Assertion *assertion = LASSO_SAML2_ASSERTION(lasso_saml2_assertion_new());
    assertion->ID = random_id();
    assertion->Version = g_strdup("2.0");
    assertion->IssueInstant = instant(times->issued);
    assertion->Issuer = issuer_make(idp, answer->persona);
    assertion->Subject = subject_make(idp, answer, times, answers_to);
    assertion->Conditions = conditions_make(answer, times);
    assertion->AuthnStatement = g_list_append(NULL, authn_make(answer, times));
    assertion->AttributeStatement = g_list_append(NULL, attributes_make(answer));
    return assertion;
}

static LassoSamlp2Status *status_make(const struct answer *answer) {
    LassoSamlp2Status *status = LASSO_SAMLP2_STATUS(lasso_samlp2_status_new());
    status->StatusCode = LASSO_SAMLP2_STATUS_CODE(lasso_samlp2_status_code_new());
    status->StatusCode->Value =
        g_strdup(answer->status != NULL ? answer->status : STATUS "Success");
    if (answer->substatus != NULL) {
        status->StatusCode->StatusCode = LASSO_SAMLP2_STATUS_CODE(lasso_samlp2_status_code_new());
        status->StatusCode->StatusCode->Value = g_strdup(answer->substatus);
    }
    status->StatusMessage = g_strdup(answer->status_message);
    return status;
}

static LassoSamlp2Response *response_make(const struct idp *idp, const struct answer *answer) {
    struct times times = times_of(answer);
    LassoSamlp2Response *response = LASSO_SAMLP2_RESPONSE(lasso_samlp2_response_new());
    LassoSamlp2StatusResponse *base = LASSO_SAMLP2_STATUS_RESPONSE(response);
    base->ID = random_id();
    base->Version = g_strdup("2.0");
    base->IssueInstant = instant(times.issued);
    base->Destination = spoilt(answer->pending->acs, answer->fault == FAULT_WRONG_DESTINATION);
    base->InResponseTo = in_response_to(answer);
    base->Issuer = issuer_make(idp, answer->persona);
    base->Status = status_make(answer);
    if (answer->status == NULL) {
        LassoSaml2Assertion *assertion = assertion_make(idp, answer, &times, base->InResponseTo);
        response->Assertion = g_list_append(NULL, assertion);
    }
    return response;
}

// Lasso leaves its namespaces where it met them; written out and read again, the tree is plain.
static xmlDoc *document_of(LassoNode *node) {
    xmlNode *root = lasso_node_get_xmlNode(node, FALSE);
    if (root == NULL) {
        return NULL;
    }
    xmlDoc *first = xmlNewDoc(XML("1.0"));
    xmlDocSetRootElement(first, root);
    xmlChar *text = NULL;
    int length = 0;
    xmlDocDumpMemory(first, &text, &length);
    xmlFreeDoc(first);
    xmlDoc *doc = xmlReadMemory(TEXT(text), length, NULL, NULL,
                                XML_PARSE_NONET | XML_PARSE_NODICT | XML_PARSE_NOERROR);
    xmlFree(text);
    return doc;
}

static void drop_declarations(xmlNode *node, const char *href) {
    xmlNs **link = &node->nsDef;
    while (*link != NULL) {
        xmlNs *old = *link;
        if (strcmp(TEXT(old->href), href) == 0) {
            *link = old->next;
            xmlFreeNs(old);
        } else {
            link = &old->next;
        }
    }
}

// All elements of one namespace get the prefix that the vendor uses. The tree is our own, and
// shallow.
static void restyle(xmlNode *node, const char *href, xmlNs *space) {
    if (node->ns != NULL && strcmp(TEXT(node->ns->href), href) == 0) {
        node->ns = space;
    }
    for (xmlNode *child = xmlFirstElementChild(node); child != NULL;
         child = xmlNextElementSibling(child)) {
        restyle(child, href, space);
    }
    drop_declarations(node, href);
}

static xmlNode *find_element(xmlNode *node, const char *name) {
    if (strcmp(TEXT(node->name), name) == 0) {
        return node;
    }
    for (xmlNode *child = xmlFirstElementChild(node); child != NULL;
         child = xmlNextElementSibling(child)) {
        xmlNode *found = find_element(child, name);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

static void add_types(xmlNode *node, const char *type) {
    if (strcmp(TEXT(node->name), "AttributeValue") == 0) {
        xmlNs *space = xmlNewNs(node, XML(NAMESPACE_INSTANCE), XML("xsi"));
        xmlNewNsProp(node, space, XML("type"), XML(type));
    }
    for (xmlNode *child = xmlFirstElementChild(node); child != NULL;
         child = xmlNextElementSibling(child)) {
        add_types(child, type);
    }
}

static void dress(xmlDoc *doc, const struct persona *persona) {
    xmlNode *root = xmlDocGetRootElement(doc);
    const char *const spaces[][2] = {
        {NAMESPACE_ASSERTION, persona->assertion_prefix},
        {NAMESPACE_PROTOCOL, persona->protocol_prefix},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(spaces); i++) {
        // Declared on no element at first: the old declaration may have the same prefix.
        xmlNs *space = xmlNewNs(NULL, XML(spaces[i][0]), XML(spaces[i][1]));
        restyle(root, spaces[i][0], space);
        space->next = root->nsDef;
        root->nsDef = space;
    }
    if (persona->value_type != NULL) {
        g_autofree char *prefix = g_strndup(persona->value_type, strcspn(persona->value_type, ":"));
        xmlNewNs(root, XML(NAMESPACE_SCHEMA), XML(prefix));
        add_types(root, persona->value_type);
    }
}

static char *sign_all(const struct idp *idp, const struct answer *answer, xmlDoc *doc) {
    if (answer->fault == FAULT_UNSIGNED) {
        return NULL;
    }
    const struct signer *signer = answer->fault == FAULT_UNKNOWN_SIGNER ? &idp->foreign : &idp->own;
    enum sign_what what = answer->sign != SIGN_AS_PERSONA ? answer->sign : answer->persona->sign;
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *assertion = find_element(root, "Assertion");
    bool sha1 = answer->fault == FAULT_SHA1;
    const char *prefixes = answer->persona->inclusive_prefixes;
    if (assertion == NULL) {
        what = SIGN_RESPONSE; // an error that nobody signed would tell the service provider nothing
    } else if ((what & SIGN_ASSERTION) != 0) {
        char *why = sign_element(assertion, signer, sha1, prefixes);
        if (why != NULL) {
            return why;
        }
    }
    return (what & SIGN_RESPONSE) != 0 ? sign_element(root, signer, sha1, prefixes) : NULL;
}

static void tamper(xmlDoc *doc) {
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *found = find_element(root, "NameID");
    xmlNode *text = found != NULL ? found->children : NULL;
    if (text != NULL && text->type == XML_TEXT_NODE && text->content[0] != '\0') {
        text->content[0] = text->content[0] == 'b' ? 'c' : 'b';
    }
}

char *answer_build(const struct idp *idp, const struct answer *answer, GString **ret_xml,
                   LassoNode **ret_assertion) {
    LassoSamlp2Response *response = response_make(idp, answer);
    xmlDoc *doc = document_of(LASSO_NODE(response));
    if (ret_assertion != NULL && response->Assertion != NULL) {
        *ret_assertion = g_object_ref(response->Assertion->data);
    }
    g_object_unref(response);
    if (doc == NULL) {
        return g_strdup("lasso could not write the Response.");
    }
    dress(doc, answer->persona);
    char *why = sign_all(idp, answer, doc);
    if (why == NULL) {
        if (answer->fault == FAULT_TAMPERED) {
            tamper(doc);
        }
        xmlChar *text = NULL;
        int length = 0;
        xmlDocDumpMemoryEnc(doc, &text, &length, "UTF-8");
        *ret_xml = g_string_new_len(TEXT(text), length);
        xmlFree(text);
    }
    xmlFreeDoc(doc);
    return why;
}
