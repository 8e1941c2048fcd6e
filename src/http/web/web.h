// SPDX-License-Identifier: GPL-3.0-or-later
// The browser-facing doors and the machine-facing ones beside them: each function is a row of routes.def.
#ifndef GATEHOUSE_HTTP_WEB_WEB_H
#define GATEHOUSE_HTTP_WEB_WEB_H

#include "http/router.h"

#define WEB(name)                                                                                  \
    MUST_USE reason name(struct op *op, struct gate *gate, struct request *request,                \
                         struct reply *reply)
WEB(web_home);
WEB(web_login_ask);   // GET /login
WEB(web_login_go);    // POST /login
WEB(web_logout_ask);  // GET /logout
WEB(web_logout);      // POST /logout
WEB(web_session);
WEB(web_metadata);
WEB(web_login_start); // GET /saml/{connection}/login
void web_acs(struct gate *gate, struct call *const *calls, size_t count);
WEB(web_slo_query);
WEB(web_slo_post);
WEB(web_jwks);
WEB(web_discovery);
WEB(web_authorize);
WEB(web_authorize_form); // POST
WEB(web_token);
WEB(web_userinfo);
WEB(web_revoke);
WEB(web_introspect);
WEB(web_healthz);
WEB(web_readyz);
WEB(web_metrics);
WEB(web_asset);
WEB(web_request_approve_ask); // GET /request/approve
WEB(web_request_approve);     // POST
WEB(web_request_deny_ask);    // GET /request/deny
WEB(web_request_deny);        // POST
WEB(web_request_ask);         // GET /request
WEB(web_request);             // POST
WEB(web_password_ask);
WEB(web_password_go);
WEB(web_tenant_ask);
WEB(web_tenant_go);
WEB(web_factor_ask);
WEB(web_factor_go);
WEB(web_setup_ask);
WEB(web_setup_go);
WEB(web_forgot_ask);
WEB(web_forgot_go);
WEB(web_reset_ask);
WEB(web_reset_go);
WEB(web_invitation_ask);
WEB(web_invitation_go);
WEB(web_change_ask);
WEB(web_change_go);
WEB(web_email_ask);
WEB(web_email_go);

#define BINDING_COOKIE_PREFIX "__Host-gatehouse-"

// The address at which who was refused like this may ask for access; "" = not offered.
MUST_USE reason web_request_offer(struct op *op, const struct gate *gate, const struct trace *trace,
                                  reason why, struct slice *ret_path);
// What a signed-in caller is told about themselves: GET /session, and part of the ACS's JSON.
struct json *session_json(struct op *op, const struct session_view *view);
// A login that was accepted, for machines: an access token and who it is for.
MUST_USE reason reply_signed_in(struct op *op, const struct gate *gate, const struct login *login,
                                struct slice trace_id, struct reply *reply);
// The signed SP metadata of a connection, cached by its version.
struct metadata_cache *metadata_cache_open(void); // NULL: no memory
void metadata_cache_close(struct metadata_cache *cache);
MUST_USE reason metadata_cached(struct op *op, struct gate *gate, const struct trust *trust,
                                struct slice *ret_xml);
// The connection that serves an e-mail domain; "" when none does.
MUST_USE reason web_connection_for(struct op *op, struct gate *gate, struct slice domain,
                                   struct slice *ret_slug);
// Sends the browser there: 302, or a form that posts itself.
MUST_USE reason send_outbound(struct op *op, const struct gate *gate, struct reply *reply,
                              const struct outbound *outbound, const char *title,
                              const char *sentence);

#endif
