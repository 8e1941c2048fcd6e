limits.o: src/http/limits.c src/http/limits.h src/base/op.h \
  src/base/arena.h src/base/auto.h src/base/slice.h src/base/reason.h \
  src/base/reasons.def src/base/clock.h src/base/digest.h \
  src/base/rand.h src/domain/sign_in.h src/domain/login.h \
  src/domain/session.h src/domain/user.h src/domain/connection.h \
  src/domain/role.h src/domain/audit.h src/domain/permission.h \
  src/domain/permissions.def src/store/record.h src/base/buf.h \
  src/base/field.h src/store/key.h src/store/store.h src/domain/tenant.h \
  src/domain/sp_key.h src/domain/trace.h src/domain/password.h \
  src/domain/tenant_settings.h src/domain/second_factor.h \
  src/domain/account.h src/domain/seal.h src/http/gate.h \
  src/base/argon.h src/domain/ticket.h src/mail/compose.h \
  src/domain/outbox_work.h src/domain/outbox.h src/domain/letters.def \
  src/mail/message.h src/mail/letter.h src/mail/post.h \
  src/saml/idp_metadata.h src/saml/pool.h src/saml/msg.h src/base/wire.h \
  src/saml/inbound.h src/saml/binding.h src/saml/brake.h \
  src/saml/decrypt.h src/saml/reader.h src/saml/sp.h src/saml/trust.h \
  src/token/token.h src/domain/service_user.h

src/http/limits.h:

src/base/op.h:

src/base/arena.h:

src/base/auto.h:

src/base/slice.h:

src/base/reason.h:

src/base/reasons.def:

src/base/clock.h:

src/base/digest.h:

src/base/rand.h:

src/domain/sign_in.h:

src/domain/login.h:

src/domain/session.h:

src/domain/user.h:

src/domain/connection.h:

src/domain/role.h:

src/domain/audit.h:

src/domain/permission.h:

src/domain/permissions.def:

src/store/record.h:

src/base/buf.h:

src/base/field.h:

src/store/key.h:

src/store/store.h:

src/domain/tenant.h:

src/domain/sp_key.h:

src/domain/trace.h:

src/domain/password.h:

src/domain/tenant_settings.h:

src/domain/second_factor.h:

src/domain/account.h:

src/domain/seal.h:

src/http/gate.h:

src/base/argon.h:

src/domain/ticket.h:

src/mail/compose.h:

src/domain/outbox_work.h:

src/domain/outbox.h:

src/domain/letters.def:

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
