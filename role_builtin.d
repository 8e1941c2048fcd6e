role_builtin.o: src/domain/role_builtin.c src/domain/component.h \
  src/domain/permission.h src/base/op.h src/base/arena.h src/base/auto.h \
  src/base/slice.h src/base/reason.h src/base/reasons.def \
  src/domain/permissions.def src/domain/components.def \
  src/domain/role_parts.h src/domain/role.h src/domain/audit.h \
  src/store/record.h src/base/buf.h src/base/field.h src/store/key.h \
  src/store/store.h src/domain/tenant.h src/domain/roles.def

src/domain/component.h:

src/domain/permission.h:

src/base/op.h:

src/base/arena.h:

src/base/auto.h:

src/base/slice.h:

src/base/reason.h:

src/base/reasons.def:

src/domain/permissions.def:

src/domain/components.def:

src/domain/role_parts.h:

src/domain/role.h:

src/domain/audit.h:

src/store/record.h:

src/base/buf.h:

src/base/field.h:

src/store/key.h:

src/store/store.h:

src/domain/tenant.h:

src/domain/roles.def:
