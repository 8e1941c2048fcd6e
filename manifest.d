manifest.o: src/domain/manifest.c src/domain/manifest.h src/domain/role.h \
  src/domain/audit.h src/domain/permission.h src/base/op.h \
  src/base/arena.h src/base/auto.h src/base/slice.h src/base/reason.h \
  src/base/reasons.def src/domain/permissions.def src/store/record.h \
  src/base/buf.h src/base/field.h src/store/key.h src/store/store.h \
  src/domain/tenant.h src/domain/fault.h src/domain/user.h \
  src/domain/connection.h src/domain/sp_key.h

src/domain/manifest.h:

src/domain/role.h:

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

src/domain/tenant.h:

src/domain/fault.h:

src/domain/user.h:

src/domain/connection.h:

src/domain/sp_key.h:
