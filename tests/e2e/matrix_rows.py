# SPDX-License-Identifier: GPL-3.0-or-later
"""One sample request for each operation of the OpenAPI document, for test_matrix.py.

A row says how whoever may do it is answered. Requests that change something are made so that they
fail after the permission was checked (a body that is not taken, an id that is not there, an
If-Match that does not hold), so that the walk changes nothing.
"""

from dataclasses import dataclass, field

NOT_NOW = {"If-Match": '"another-state"'}
NOT_TAKEN = {"no_such_member": 1}
# A page for who is signed in begins again for who is not any more.
PAGE_CALLERS = ("nobody", "operator", "service user", "admin", "user")


@dataclass(frozen=True)
class Row:
    """status: of who may. fake: the {parts} that are given an id which is not there. any_of: the
    permissions of which one is needed, where the handler decides. form: of a form body. only: names
    of the callers that are sent, where a request would do what it says."""

    status: int
    body: object = None
    fake: tuple = ()
    headers: dict = field(default_factory=dict)
    any_of: tuple = ()
    form: str = None
    query: str = ""
    only: tuple = ()
    nobody: int = None  # where nobody is answered otherwise
    operator: int = None  # where an operator is answered otherwise
    service: int = None  # where a service user is
    own: bool = False  # about the caller himself: nothing of a tenant is named
    own_page: bool = False  # a form that is taken from pages of the gate alone


def gone(*parts):
    return Row(404, fake=parts)


ROWS = {
    # Doors for browsers and for SAML: anybody.
    "home": Row(200),
    "askEmail": Row(200),
    "findConnection": Row(422, form="email=nobody"),
    "askSignOut": Row(303, only=("nobody", "operator", "disabled", "signed out", "service user")),
    "signOut": Row(401, form="", only=("nobody", "operator", "disabled", "signed out", "service user")),
    "getSession": Row(200, operator=401, service=401),
    "getAsset": Row(404),
    "getMetadata": Row(200),
    "getMetadataAgain": Row(200),
    "startLogin": Row(302),
    "consumeAssertion": Row(400, form="x=1"),
    "singleLogoutQuery": Row(400),
    "singleLogoutForm": Row(400, form="x=1"),
    "getKeys": Row(200),
    "discover": Row(200),
    "discoverOauth": Row(200),
    "authorizeApplication": Row(400),
    "authorizeApplicationForm": Row(400, form="client_id=x", own_page=True),
    "issueToken": Row(401, form="grant_type=client_credentials"),
    "getUserInfo": Row(403, operator=401, service=401, nobody=401),
    "postUserInfo": Row(403, operator=401, service=401, nobody=401),
    "revokeToken": Row(401, form="token=x", nobody=200),
    "introspect": Row(200, form="token=x"),
    "getHealth": Row(200),
    "getReadiness": Row(200),
    "getMetrics": Row(200),
    # The API about itself and its caller.
    "getOpenApi": Row(200),
    "listPermissions": Row(200),
    "listComponents": Row(200),
    "getMe": Row(200),
    # Tenants.
    "listTenants": Row(200),
    "createTenant": Row(422, NOT_TAKEN),
    "getTenant": Row(200),
    "changeTenant": Row(422, {"slug": "another"}),
    "removeTenant": Row(412, headers=NOT_NOW),
    # Connections.
    "listConnections": Row(200),
    "listTenantConnections": Row(200),
    "createConnection": Row(422, NOT_TAKEN),
    "getConnection": Row(200),
    "switchConnection": Row(422, NOT_TAKEN),
    "removeConnection": Row(412, headers=NOT_NOW),
    "getIdp": Row(200),
    "setIdp": Row(422, NOT_TAKEN),
    "distrustCertificate": Row(422, fake=("sha256",)),
    "trustCertificate": gone("sha256"),
    "listConnectionKeys": Row(200),
    "addConnectionKey": Row(422, NOT_TAKEN),
    "useConnectionKey": gone("number"),
    "retireConnectionKey": gone("number"),
    "removeConnectionKey": gone("number"),
    "listMetadataChanges": Row(200),
    "refreshMetadata": Row(409),
    "approveMetadataChange": Row(422, NOT_TAKEN),
    "rejectMetadataChange": Row(422, NOT_TAKEN),
    "getPolicy": Row(200),
    "setPolicy": Row(422, NOT_TAKEN),
    "getRules": Row(200),
    "setRules": Row(422, NOT_TAKEN),
    # People.
    "listUsers": Row(200),
    "addUser": Row(422, NOT_TAKEN),
    "getUser": Row(200),
    "changeUser": Row(422, NOT_TAKEN),
    "removeUser": gone("user"),
    "resendWelcome": gone("user"),
    "disableUser": Row(422, NOT_TAKEN),
    "enableUser": gone("user"),
    "reactivateUser": gone("user"),
    "unlockUser": gone("user"),
    "restoreUser": gone("user"),
    "changeUserEmail": Row(422, NOT_TAKEN),
    "listUserSessions": Row(200),
    "revokeUserSession": gone("session"),
    "revokeSessions": gone("user"),
    "resetSecondFactor": gone("user"),
    # Local sign-in: anybody. Forms are taken from pages of the gate alone.
    "askPassword": Row(200),
    "signInWithPassword": Row(401, form="email=nobody&password=x", own_page=True),
    "askTenant": Row(303),
    "chooseTenant": Row(303, form="tenant=x", own_page=True),
    "askForgotten": Row(200),
    "forgetPassword": Row(200, form="email=nobody", own_page=True),
    "askReset": Row(404),
    "resetPasswordForm": Row(404, form="t=x", own_page=True),
    "askInvitation": Row(404),
    "acceptInvitationForm": Row(404, form="t=x", own_page=True),
    "askChange": Row(200, nobody=303, operator=303, service=303, only=PAGE_CALLERS),
    "changePasswordForm": Row(
        422,
        form="password=a&repeat=b",
        own_page=True,
        nobody=303,
        operator=303,
        service=303,
        only=PAGE_CALLERS,
    ),
    "askFactor": Row(303),
    "giveFactor": Row(303, form="code=x", own_page=True),
    "askFactorSetup": Row(200, nobody=303, operator=303, service=303, only=PAGE_CALLERS),
    "setUpFactor": Row(303, form="do=confirm&code=x", own_page=True),
    "askEmailConfirmation": Row(404),
    "confirmEmail": Row(404, form="t=x", own_page=True),
    "signIn": Row(422, NOT_TAKEN),
    "acceptInvitation": Row(422, NOT_TAKEN),
    "forgotPassword": Row(422, NOT_TAKEN),
    "resetPassword": Row(422, NOT_TAKEN),
    "changePassword": Row(422, NOT_TAKEN, operator=403, service=403),
    # Roles.
    "listRoles": Row(200),
    "createRole": Row(422, NOT_TAKEN),
    "getRole": Row(200),
    "changeRole": Row(422, NOT_TAKEN),
    "removeRole": gone("role_id"),
    "cloneRole": Row(422, NOT_TAKEN),
    "listRoleMembers": Row(200),
    "restrictRole": Row(422, NOT_TAKEN),
    "restoreRole": gone("role_id"),
    # What happened.
    "listTraces": Row(200, any_of=("sso:manage", "audit:view")),
    "getTrace": Row(200, any_of=("sso:manage", "audit:view")),
    "listAudit": Row(200),
    "getAuditEvent": Row(200),
    "exportAudit": Row(200),
    "verifyAudit": Row(200),
    "eraseAudit": Row(422, NOT_TAKEN),
    "listGateAudit": Row(200),
    "exportGateAudit": Row(200),
    "verifyGateAudit": Row(200),
    "noteCopy": Row(422, NOT_TAKEN),
    # Access requests.
    "askForAccess": Row(404),
    "askedForAccess": Row(404, form="t=x"),
    "askApproval": Row(404),
    "askDenial": Row(404),
    "approveByLink": Row(404, form="t=x"),
    "denyByLink": Row(404, form="t=x"),
    "listMyRequests": Row(200, any_of=("requests:create",), operator=403, service=403, own=True),
    "createMyRequest": Row(422, NOT_TAKEN, any_of=("requests:create",), operator=403, service=403, own=True),
    "listRequests": Row(200),
    "createRequest": Row(422, NOT_TAKEN),
    "getRequest": gone("request"),
    "changeRequest": Row(422, NOT_TAKEN),
    "submitRequest": gone("request"),
    "approveRequest": Row(422, NOT_TAKEN),
    "denyRequest": Row(422, NOT_TAKEN),
    "cancelRequest": gone("request"),
    "revokeRequest": Row(422, NOT_TAKEN),
    "retryRequest": gone("request"),
    "commentRequest": Row(422, NOT_TAKEN),
    # Jobs.
    "bulkUsers": Row(400),
    "listJobs": Row(200),
    "getJob": Row(200, any_of=("users:manage",)),
    "getJobErrors": Row(200, any_of=("users:manage",)),
    "cancelJob": Row(404, fake=("job",), any_of=("users:manage",)),
    "exportUsersCsv": Row(200),
    "exportUsersJson": Row(200),
    # The custom roles API of mParticle.
    "listPlatformTasks": Row(200),
    "getPlatformRoles": Row(200),
    "setPlatformRoles": Row(400, {"roles": 7}),
    # Organizations, settings, mail, and what one may.
    "listOrganizations": Row(200),
    "createOrganization": Row(422, NOT_TAKEN),
    "getOrganization": Row(200),
    "changeOrganization": Row(422, NOT_TAKEN),
    "removeOrganization": gone("organization"),
    "listOrganizationTenants": Row(200),
    "listOrganizationUsers": Row(200),
    "getSettings": Row(200),
    "setSettings": Row(422, NOT_TAKEN),
    "changeSettings": Row(422, NOT_TAKEN),
    "listMyPermissions": Row(200),
    "authorize": Row(200, {"permission": "users:view"}, operator=422),
    "getMail": Row(200),
    "testMail": Row(422, NOT_TAKEN),
    "listLetters": Row(200),
    "getLetter": Row(404),
    "retryLetter": Row(404),
    "dropLetter": Row(404),
    # Service users.
    "listServiceUsers": Row(200),
    "createServiceUser": Row(422, NOT_TAKEN),
    "getServiceUser": Row(200),
    "changeServiceUser": Row(422, NOT_TAKEN),
    "removeServiceUser": gone("service_user"),
    "disableServiceUser": gone("service_user"),
    "enableServiceUser": gone("service_user"),
    "addCredential": Row(422, NOT_TAKEN),
    "removeCredential": gone("credential"),
    # Applications.
    "listApplications": Row(200),
    "createApplication": Row(422, NOT_TAKEN),
    "getApplication": Row(200),
    "changeApplication": Row(422, NOT_TAKEN),
    "removeApplication": gone("application"),
    "addApplicationSecret": Row(422, NOT_TAKEN),
    "removeApplicationSecret": gone("credential"),
}

# Bodies with which the operations that answer 201 make something; `ids` are those of the tenant.
MAKERS = {
    "createTenant": lambda ids: {"slug": "third", "name": "Third"},
    "createConnection": lambda ids: {"slug": "acme-second"},
    "addUser": lambda ids: {"email": "new@acme.example", "first_name": "New"},
    "createRole": lambda ids: {"role_id": "fresh", "name": "Fresh", "permissions": ["sso:manage"]},
    "cloneRole": lambda ids: {"role_id": "cloned", "name": "Cloned"},
    "createServiceUser": lambda ids: {"name": "Second", "roles": ["user"], "owner": ids["user"]},
    "addConnectionKey": lambda ids: {"kind": "signing"},
    "createOrganization": lambda ids: {"slug": "third-house", "name": "Third"},
    "createRequest": lambda ids: {
        "email": "asks@acme.example", "first_name": "A", "last_name": "S",
        "roles": ["user"],
        "justification": "to see",
    },
    "createMyRequest": lambda ids: {
        "tenant": "acme", "first_name": "A", "last_name": "S", "roles": ["read_only"],
    },
    "addCredential": lambda ids: {},
    "createApplication": lambda ids: {"name": "Second", "redirect_uris": ["https://second.example/cb"]},
    "addApplicationSecret": lambda ids: {},
}
# These are for people alone, others for operators too.
BY_A_PERSON = {"createMyRequest"}
# Of these the answer holds what is shown once.
SECRETS = {"addCredential", "addApplicationSecret"}
