test_role_change.o: tests/unit/domain/test_role_change.c \
  tests/unit/domain/people.h tests/unit/domain/calls.h \
  tests/unit/domain/fixture.h src/domain/tenant.h src/domain/audit.h \
  src/domain/permission.h src/base/op.h src/base/arena.h src/base/auto.h \
  src/base/slice.h src/base/reason.h src/base/reasons.def \
  src/domain/permissions.def src/store/record.h src/base/buf.h \
  src/base/field.h src/store/key.h src/store/store.h \
  src/domain/session.h src/base/clock.h src/domain/user.h \
  src/domain/connection.h src/domain/role.h src/domain/sp_key.h \
  src/domain/keep.h src/domain/trace.h src/domain/login.h \
  src/domain/component.h src/domain/components.def \
  src/domain/tenant_settings.h

tests/unit/domain/people.h:

tests/unit/domain/calls.h:

tests/unit/domain/fixture.h:

src/domain/tenant.h:

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

src/domain/session.h:

src/base/clock.h:

src/domain/user.h:

src/domain/connection.h:

src/domain/role.h:

src/domain/sp_key.h:

src/domain/keep.h:

src/domain/trace.h:

src/domain/login.h:

src/domain/component.h:

src/domain/components.def:

src/domain/tenant_settings.h:
