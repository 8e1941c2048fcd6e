organizations.o: src/http/api/organizations.c src/domain/organization.h \
  src/domain/audit.h src/domain/permission.h src/base/op.h \
  src/base/arena.h src/base/auto.h src/base/slice.h src/base/reason.h \
  src/base/reasons.def src/domain/permissions.def src/store/record.h \
  src/base/buf.h src/base/field.h src/store/key.h src/store/store.h \
  src/base/text.h src/http/api/users.h src/domain/member_life.h \
  src/domain/lifecycle.h src/domain/outbox.h src/base/clock.h \
  src/domain/letters.def src/domain/ticket.h src/domain/user.h \
  src/domain/connection.h src/domain/role.h src/domain/tenant.h \
  src/domain/sp_key.h src/domain/lifecycle.def src/http/api/api.h \
  src/http/router.h src/http/reply.h src/base/json.h src/http/request.h \
  src/http/gate.h src/base/argon.h src/domain/login.h \
  src/domain/session.h src/domain/trace.h src/domain/seal.h \
  src/mail/compose.h src/domain/outbox_work.h src/mail/message.h \
  src/mail/letter.h src/mail/post.h src/saml/idp_metadata.h \
  src/saml/pool.h src/saml/msg.h src/base/wire.h src/saml/inbound.h \
  src/saml/binding.h src/saml/brake.h src/saml/decrypt.h \
  src/saml/reader.h src/saml/sp.h src/saml/trust.h src/token/token.h \
  src/domain/service_user.h

src/domain/organization.h:

src/domain/audit.h:

src/domain/permission.h:

src/base/op.h:

src/base/arena.h:

src/base/auto.h:

src/base/slice.h:

src/base/reason.h:

src/base/reasons.def:

src/domain/permissions.def:

src/store/record.h:

src/base/buf.h:

src/base/field.h:

src/store/key.h:

src/store/store.h:

src/base/text.h:

src/http/api/users.h:

src/domain/member_life.h:

src/domain/lifecycle.h:

src/domain/outbox.h:

src/base/clock.h:

src/domain/letters.def:

src/domain/ticket.h:

src/domain/user.h:

src/domain/connection.h:

src/domain/role.h:

src/domain/tenant.h:

src/domain/sp_key.h:

src/domain/lifecycle.def:

src/http/api/api.h:

src/http/router.h:

src/http/reply.h:

src/base/json.h:

src/http/request.h:

src/http/gate.h:

src/base/argon.h:

src/domain/login.h:

src/domain/session.h:

src/domain/trace.h:

src/domain/seal.h:

src/mail/compose.h:

src/domain/outbox_work.h:

src/mail/message.h:

src/mail/letter.h:

src/mail/post.h:

src/saml/idp_metadata.h:

src/saml/pool.h:

src/saml/msg.h:

src/base/wire.h:

src/saml/inbound.h:

src/saml/binding.h:

src/saml/brake.h:

src/saml/decrypt.h:

src/saml/reader.h:

src/saml/sp.h:

src/saml/trust.h:

src/token/token.h:

src/domain/service_user.h:
