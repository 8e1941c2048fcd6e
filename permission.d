permission.o: src/domain/permission.c src/domain/permission.h \
  src/base/op.h src/base/arena.h src/base/auto.h src/base/slice.h \
  src/base/reason.h src/base/reasons.def src/domain/permissions.def \
  src/base/check.h

src/domain/permission.h:

src/base/op.h:

src/base/arena.h:

src/base/auto.h:

src/base/slice.h:

src/base/reason.h:

src/base/reasons.def:

src/domain/permissions.def:

src/base/check.h:
