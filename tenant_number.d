tenant_number.o: src/domain/tenant_number.c src/domain/batch.h \
  src/store/key.h src/store/store.h src/base/op.h src/base/arena.h \
  src/base/auto.h src/base/slice.h src/base/reason.h \
  src/base/reasons.def src/domain/space.h src/domain/tenant.h \
  src/domain/audit.h src/domain/permission.h src/domain/permissions.def \
  src/store/record.h src/base/buf.h src/base/field.h

src/domain/batch.h:

src/store/key.h:

src/store/store.h:

src/base/op.h:

src/base/arena.h:

src/base/auto.h:

src/base/slice.h:

src/base/reason.h:

src/base/reasons.def:

src/domain/space.h:

src/domain/tenant.h:

src/domain/audit.h:

src/domain/permission.h:

src/domain/permissions.def:

src/store/record.h:

src/base/buf.h:

src/base/field.h:
