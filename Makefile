# SPDX-License-Identifier: GPL-3.0-or-later
# One file builds, runs, tests, measures and installs Gatehouse.
#
#   make            build/gatehouse, its programs -worker, -opinion and -practice-idp (release)
#   make run        everything on a fresh machine, then serves on http://localhost:8080 with a demo tenant
#   make test       everything on a fresh machine: packages, build, all tests
#   make unit       the unit tests (MODE=asan: with ASan and UBSan)
#   make bench      CPU per login; BENCH='--count 5000'; SCALE=1: with a million users (SCALE_USERS=20000: a quick
#                   look); PEERS=1: installs two others to measure beside it
#   make budget     instructions of a login, step by step, with one thread and with two (valgrind)
#   make refusal    CPU of saying no, beside a program that does nothing else
#   make soak       kills, full disks, failing disks, overload: as in the tests, for half an hour
#   make fuzz T=60  each fuzz target for T seconds
#   make layers     prints the order of the rooms and checks who includes whom
#   make install    DESTDIR, PREFIX
#   make deps       Debian packages that are missing; make clean
#
# MODE is dev, asan or release; objects live in build/MODE. V=1 shows the commands. CC=clang works too.

MODE    ?= release
PREFIX  ?= /usr/local
DESTDIR ?=
T       ?= 60
BENCH   ?=
B       := build/$(MODE)
VERSION := 0.1.0
Q       := $(if $(V),,@)
comma   := ,

GOALS := $(or $(MAKECMDGOALS),all)
unexport MODE B BIN
# These need no libraries to be there yet.
BARE := deps clean layers test run help
PKG_CONFIG := pkg-config

# ---- flags -----------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wwrite-strings \
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla -Walloca -Wformat=2 -Wnull-dereference \
  -Wundef -Wswitch-enum -Wimplicit-fallthrough -Wpointer-arith -Wbad-function-cast -Wdouble-promotion \
  -Wredundant-decls -Wdate-time
WARN_GCC := -Wcast-align=strict -Wformat-signedness -Wduplicated-cond -Wduplicated-branches -Wlogical-op \
  -Wjump-misses-init -Walloc-zero -Wtrampolines
# clang takes {NULL}, the end of a table, for a row with members forgotten; gcc sees the forgotten ones.
WARN_CLANG := -Wno-gnu-zero-variadic-macro-arguments -Wno-missing-field-initializers
HARD := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fPIE -fvisibility=hidden \
  -fno-common -fno-strict-overflow -fno-delete-null-pointer-checks
HARD_GCC := -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null | head -1))

CFLAGS_dev     := -O1 -g
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DGATEHOUSE_SANITIZER
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=3
LDFLAGS_asan   := -fsanitize=address,undefined

CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE -DGATEHOUSE_VERSION='"$(VERSION)"' -Isrc -Iinclude -pthread -MMD -MP $(WARN) $(HARD) \
  $(if $(IS_CLANG),$(WARN_CLANG),$(WARN_GCC) $(if $(filter asan,$(MODE)),,$(HARD_GCC))) $(CFLAGS_$(MODE)) $(CFLAGS)
LDFLAGS_ALL = -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed $(LDFLAGS_$(MODE)) $(LDFLAGS)

GATE_PKGS     := libargon2 liboath libqrencode libcrypto jansson libcurl lmdb libmicrohttpd libconfig cjose libidn2 zlib libxxhash
WORKER_PKGS   := libxml-2.0 libseccomp
OPINION_PKGS  := lasso gobject-2.0 libxml-2.0 libseccomp libcrypto
PRACTICE_PKGS := lasso gobject-2.0 libmicrohttpd libcurl xmlsec1-openssl libxml-2.0 openssl zlib
CLIENT_PKGS   := libcrypto jansson
TEST_PKGS     := cmocka
ifneq ($(filter-out $(BARE),$(GOALS)),)
isystem = $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags $(1)))
GATE_CFLAGS     := $(call isystem,$(GATE_PKGS))
# libcsv has no pkg-config file.
GATE_LIBS       := $(shell $(PKG_CONFIG) --libs $(GATE_PKGS)) -lcsv
WORKER_CFLAGS   := $(call isystem,$(WORKER_PKGS))
WORKER_LIBS     := $(shell $(PKG_CONFIG) --libs $(WORKER_PKGS) libcrypto)
OPINION_CFLAGS  := $(filter-out -DXMLSEC_CRYPTO_OPENSSL=1,$(call isystem,$(OPINION_PKGS)))
OPINION_LIBS    := $(shell $(PKG_CONFIG) --libs $(OPINION_PKGS))
PRACTICE_CFLAGS := $(filter-out -DXMLSEC_CRYPTO_OPENSSL=1,$(call isystem,$(PRACTICE_PKGS)))
PRACTICE_LIBS   := $(shell $(PKG_CONFIG) --libs $(PRACTICE_PKGS))
CLIENT_CFLAGS   := $(call isystem,$(CLIENT_PKGS))
CLIENT_LIBS     := $(shell $(PKG_CONFIG) --libs $(CLIENT_PKGS))
TEST_LIBS       := $(shell $(PKG_CONFIG) --libs $(TEST_PKGS))
# Another compiler or other flags make everything of this mode anew: this file is older than every object.
FLAGS_NOW := $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL)
ifneq ($(file <$(B)/flags),$(FLAGS_NOW))
$(shell rm -f $(B)/flags)
endif
endif

# ---- what there is ---------------------------------------------------------------------------------------

objects = $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard $(1)))
ROOMS := base store domain saml token mail http app
BASE_OBJ     := $(call objects,src/base/*.c)
STORE_OBJ    := $(call objects,src/store/*.c)
DOMAIN_OBJ   := $(call objects,src/domain/*.c)
SAML_OBJ     := $(call objects,src/saml/*.c)
MAIL_OBJ     := $(call objects,src/mail/*.c)
TOKEN_OBJ    := $(call objects,src/token/*.c)
HTTP_OBJ     := $(call objects,src/http/*.c src/http/api/*.c src/http/web/*.c)
APP_OBJ      := $(filter-out $(B)/obj/app/main.o,$(call objects,src/app/*.c src/app/cli/*.c src/app/selftest/*.c))
WORKER_OBJ   := $(filter-out $(B)/obj/worker/main.o,$(call objects,src/worker/*.c))
OPINION_OBJ  := $(call objects,src/worker/opinion/*.c)
CLIENT_OBJ   := $(filter-out $(B)/obj/client/check_token.o,$(call objects,src/client/*.c))
PRACTICE_OBJ := $(call objects,src/practice/*.c)
ARCHIVES     := $(foreach r,app http mail token saml domain store base,$(B)/lib/$(r).a)
WORKER_ARCHIVES := $(B)/lib/worker.a $(B)/lib/base.a

UNIT_TESTS := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(sort $(foreach r,$(ROOMS) worker client,$(wildcard tests/unit/$(r)/test_*.c))))
FUZZ_BIN   := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH_BIN  := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/*.c))
# Preloaded into the shipped gate by the crash tests, and what floods it.
CRASH_LIB  := $(B)/tests/crash/failing_io.so $(B)/tests/crash/recording_io.so $(B)/tests/crash/stepped_clock.so $(B)/tests/crash/flood

PROGRAMS := gatehouse gatehouse-worker gatehouse-opinion gatehouse-practice-idp
ifeq ($(MODE),release)
BIN := build
else
BIN := $(B)
endif
PROGRAM_FILES := $(addprefix $(BIN)/,$(PROGRAMS))
# libgatehouse, for applications: a file of its own that the gate's programs do not use.
CLIENT_FILES := $(BIN)/libgatehouse.a $(BIN)/libgatehouse.so.0

.PHONY: bounds valgrind unit-programs all deps run test unit bench soak fuzz install clean layers check-gate check-headers help programs
.DELETE_ON_ERROR:
all: $(PROGRAM_FILES) $(CLIENT_FILES)

$(BIN)/gatehouse: $(B)/obj/app/main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/obj/app/main.o -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(GATE_LIBS)
$(BIN)/gatehouse-worker: $(B)/obj/worker/main.o $(WORKER_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(B)/obj/worker/main.o $(WORKER_ARCHIVES) $(WORKER_LIBS)
$(BIN)/gatehouse-opinion: $(OPINION_OBJ) $(WORKER_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(OPINION_OBJ) $(WORKER_ARCHIVES) $(OPINION_LIBS)
$(BIN)/gatehouse-practice-idp: $(PRACTICE_OBJ) $(B)/lib/base.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(PRACTICE_OBJ) $(B)/lib/base.a $(PRACTICE_LIBS) -ljansson

$(BIN)/libgatehouse.a: $(CLIENT_OBJ)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^
$(BIN)/libgatehouse.so.0: $(CLIENT_OBJ) src/client/gatehouse.map
	@mkdir -p $(@D)
	$(Q)$(CC) -shared -Wl,-soname,libgatehouse.so.0,--version-script=src/client/gatehouse.map,--no-undefined \
	  $(filter-out -pie,$(LDFLAGS_ALL)) -o $@ $(CLIENT_OBJ) $(CLIENT_LIBS)

$(B)/lib/base.a: $(BASE_OBJ)
$(B)/lib/store.a: $(STORE_OBJ)
$(B)/lib/domain.a: $(DOMAIN_OBJ)
$(B)/lib/saml.a: $(SAML_OBJ)
$(B)/lib/token.a: $(TOKEN_OBJ)
$(B)/lib/mail.a: $(MAIL_OBJ)
$(B)/lib/http.a: $(HTTP_OBJ)
$(B)/lib/app.a: $(APP_OBJ)
$(B)/lib/worker.a: $(WORKER_OBJ) $(B)/obj/saml/msg.o
$(B)/lib/%.a:
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/obj/worker/%.o: ROOM_CFLAGS = $(WORKER_CFLAGS)
$(B)/obj/worker/opinion/%.o: ROOM_CFLAGS = $(OPINION_CFLAGS)
$(B)/obj/practice/%.o: ROOM_CFLAGS = $(PRACTICE_CFLAGS)
$(B)/obj/client/%.o: ROOM_CFLAGS = $(CLIENT_CFLAGS) -fPIC
$(B)/obj/base/%.o $(B)/obj/store/%.o $(B)/obj/domain/%.o $(B)/obj/saml/%.o $(B)/obj/token/%.o $(B)/obj/mail/%.o $(B)/obj/http/%.o $(B)/obj/app/%.o: ROOM_CFLAGS = $(GATE_CFLAGS)
$(B)/flags:
	$(shell mkdir -p $(@D))$(file >$@,$(FLAGS_NOW))@:
$(B)/obj/%.o: src/%.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(ROOM_CFLAGS) -c -o $@ $<

# The assembler reads these, so the compiler's list of what an object is made of lacks them.
$(B)/obj/http/asset.o: $(wildcard src/http/assets/*)
$(B)/obj/mail/letter.o build/fuzz/obj/mail/letter.o: $(wildcard src/mail/letters/*)
$(B)/obj/domain/password.o: src/domain/common_passwords.txt

# ---- tests -----------------------------------------------------------------------------------------------

# A unit test of a room links its room and those below; tests/unit/ROOM/*.c that are no test_* are helpers.
$(B)/tests/unit/worker/%: tests/unit/worker/%.c $(WORKER_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(WORKER_CFLAGS) -Itests/unit -o $@ $< $(LDFLAGS_ALL) $(WORKER_ARCHIVES) $(WORKER_LIBS) -ljansson $(TEST_LIBS)
$(B)/tests/unit/%: tests/unit/%.c $(filter-out $(B)/lib/app.a,$(ARCHIVES)) $(B)/lib/app.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(GATE_CFLAGS) -Itests/unit -o $@ $< $(LDFLAGS_ALL) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(GATE_LIBS) $(TEST_LIBS)
# The library as an application has it, beside cjose as a second opinion.
$(B)/tests/unit/client/%: tests/unit/client/%.c tests/unit/client/tokens.h $(CLIENT_FILES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(CLIENT_CFLAGS) $(call isystem,cjose) -Itests/unit/client -o $@ $< $(LDFLAGS_ALL) $(BIN)/libgatehouse.a $(CLIENT_LIBS) -lcjose $(TEST_LIBS)
# Failing commits, opens and growth are injected by the linker; the product has no hook for it.
# The pool is tried with the real worker program and with one that lies.
$(B)/tests/unit/saml/test_pool $(B)/tests/unit/saml/test_opinion $(B)/tests/unit/saml/test_encryption $(B)/tests/unit/http/test_acs: $(B)/tests/unit/saml/fake_worker $(BIN)/gatehouse-worker $(BIN)/gatehouse-opinion
# What decryption calls is counted, and the brake's clock is turned.
$(B)/tests/unit/saml/test_decrypt: LDFLAGS += -Wl,--wrap=EVP_PKEY_decrypt,--wrap=EVP_DecryptInit_ex,--wrap=EVP_DecryptUpdate,--wrap=EVP_DecryptFinal_ex,--wrap=rand_bytes
$(B)/tests/unit/saml/test_brake: LDFLAGS += -Wl,--wrap=clock_steady
$(B)/tests/unit/store/test_fault $(B)/tests/unit/store/test_tail: LDFLAGS += -Wl,--wrap=mdb_txn_begin,--wrap=mdb_txn_abort,--wrap=pwrite,--wrap=fdatasync,--wrap=mdb_txn_commit,--wrap=mdb_env_open,--wrap=mdb_put,--wrap=mdb_get,--wrap=mdb_env_set_mapsize,--wrap=pthread_mutex_unlock
$(B)/tests/unit/store/test_journal: LDFLAGS += -Wl,--wrap=mdb_txn_commit
$(B)/tests/bounds/bounds: tests/bounds/bounds.c tests/bounds/shapes.c tests/bounds/shapes.h tests/unit/saml/forge.h $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(GATE_CFLAGS) -Itests/unit -Itests/bounds -o $@ tests/bounds/bounds.c tests/bounds/shapes.c $(LDFLAGS_ALL) \
	  -Wl,--wrap=spawner_fork,--wrap=spawner_end,--wrap=msg_get_opinion -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(GATE_LIBS) $(TEST_LIBS)
# The gate's reader beside libxml2, which only tests may put into one program.
$(B)/tests/diff/diff: tests/diff/diff.c $(B)/lib/saml.a $(WORKER_ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(WORKER_CFLAGS) -o $@ $< $(LDFLAGS_ALL) -Wl,--start-group $(B)/lib/saml.a $(WORKER_ARCHIVES) -Wl,--end-group $(WORKER_LIBS)
# The gate's reader of CSV, for tests/diff/test_csv.py, which has Python's beside it.
$(B)/tests/diff/csv_rows: tests/diff/csv_rows.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(GATE_CFLAGS) -o $@ $< $(LDFLAGS_ALL) -Wl,--gc-sections -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(GATE_LIBS)
# Each call that can fail, failed in turn by the linker's wraps.
FAULT_MEMORY := malloc calloc realloc strdup
FAULT_saml := EVP_Digest EVP_MD_CTX_new EVP_DigestVerifyInit EVP_DigestVerify EVP_DigestUpdate d2i_X509 X509_get_pubkey \
  EVP_PKEY_CTX_dup EVP_PKEY_verify EVP_PKEY_CTX_new EVP_PKEY_decrypt_init EVP_PKEY_decrypt EVP_CIPHER_CTX_new EVP_DecryptInit_ex EVP_DecryptUpdate BIO_new write fsync
FAULT_login := mdb_txn_begin mdb_txn_commit mdb_put mdb_get mdb_del mdb_cursor_open mdb_cursor_get
FAULT_trust := mdb_txn_begin mdb_txn_commit mdb_put mdb_get mdb_del mdb_cursor_open mdb_cursor_get
FAULT_mail := mdb_txn_begin mdb_put mdb_get mdb_del mdb_cursor_get write fsync rename
FAULT_BIN := $(B)/tests/fault/fault_saml $(B)/tests/fault/fault_login $(B)/tests/fault/fault_mail $(B)/tests/fault/fault_trust
# The worker's objects in one, whose other names do not meet the gate's.
$(B)/tests/fault/worker.o: $(WORKER_OBJ)
	@mkdir -p $(@D)
	$(Q)ld -r -o $@ $^ && objcopy --keep-global-symbol=canonicalise_message --keep-global-symbol=canonicalise_whole --keep-global-symbol=xml_init $@
$(B)/tests/fault/fault_%: tests/fault/fault_%.c tests/fault/fault.h $(wildcard tests/unit/saml/*.h tests/unit/domain/*.h tests/unit/http/*.h) $(ARCHIVES) $(B)/tests/fault/worker.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(GATE_CFLAGS) $(WORKER_CFLAGS) -Itests/unit -Itests/unit/domain -Itests/fault -o $@ $< $(LDFLAGS_ALL) \
	  $(addprefix -Wl$(comma)--wrap=,$(FAULT_MEMORY) $(FAULT_$*)) -Wl,--start-group $(ARCHIVES) $(B)/tests/fault/worker.o -Wl,--end-group $(GATE_LIBS) $(WORKER_LIBS) $(TEST_LIBS)
$(B)/tests/bench/populate: tests/bench/populate.c $(ARCHIVES)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(GATE_CFLAGS) -o $@ $< $(LDFLAGS_ALL) -Wl,--start-group $(ARCHIVES) -Wl,--end-group $(GATE_LIBS)
$(B)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $< $(LDFLAGS_ALL) -lcrypto

$(B)/tests/crash/%.so: tests/crash/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(CFLAGS_ALL)) -fPIC -shared -fvisibility=default -o $@ $< -ldl
$(B)/tests/crash/flood: tests/crash/flood.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -o $@ $< $(LDFLAGS_ALL)

# libFuzzer with ASan and UBSan over the sources themselves; clang only.
FUZZ_OBJ   := $(patsubst src/%.c,build/fuzz/obj/%.o,$(wildcard src/base/*.c src/saml/*.c src/domain/*.c src/store/*.c src/token/*.c src/mail/*.c) \
  $(wildcard src/http/*.c src/http/api/*.c src/http/web/*.c) src/app/config.c)
FUZZ_WORKER := $(patsubst src/%.c,build/fuzz/obj/%.o,src/worker/canon.c src/worker/canonicalise.c src/worker/exclusive.c src/worker/signature.c src/worker/xml.c)
FUZZ_FLAGS := -std=gnu17 -D_GNU_SOURCE -DGATEHOUSE_VERSION='"$(VERSION)"' -Isrc -Iinclude -g -O1 -MMD -MP \
  -fsanitize=address,undefined -fno-sanitize-recover=all -ffunction-sections -fdata-sections -pthread $(GATE_CFLAGS)
FUZZ_OBJ   += $(patsubst src/%.c,build/fuzz/obj/%.o,$(filter-out src/client/check_token.c,$(wildcard src/client/*.c)))
build/fuzz/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(Q)clang $(FUZZ_FLAGS) $(FUZZ_MORE) -fsanitize=fuzzer-no-link -c -o $@ $<
$(FUZZ_WORKER): FUZZ_MORE = $(WORKER_CFLAGS)
build/fuzz/obj/worker.a: $(FUZZ_WORKER) build/fuzz/obj/saml/msg.o $(patsubst src/%.c,build/fuzz/obj/%.o,$(wildcard src/base/*.c))
	$(Q)rm -f $@ && ar rcs $@ $^
build/fuzz/fuzz_worker: tests/fuzz/fuzz_worker.c build/fuzz/obj/worker.a
	$(Q)clang $(FUZZ_FLAGS) $(WORKER_CFLAGS) -fsanitize=fuzzer -Wl,--gc-sections -o $@ $< build/fuzz/obj/worker.a $(GATE_LIBS) $(WORKER_LIBS)
build/fuzz/obj/all.a: $(FUZZ_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^
build/fuzz/%: tests/fuzz/%.c build/fuzz/obj/all.a
	$(Q)clang $(FUZZ_FLAGS) -fsanitize=fuzzer -Wl,--gc-sections -o $@ $< build/fuzz/obj/all.a $(GATE_LIBS)

unit: $(UNIT_TESTS) $(PROGRAM_FILES)
	$(Q)src/tools/unit.sh $(BIN) $(UNIT_TESTS)

unit-programs: $(UNIT_TESTS)

# What hostile messages cost, beside an honest one (release flags: the ratio is what is judged).
bounds: $(BIN)/gatehouse-worker $(BIN)/gatehouse-opinion $(B)/tests/bounds/bounds
	$(Q)GATEHOUSE_BUILD=$(BIN) $(B)/tests/bounds/bounds

# Each call failed in turn: MODE=asan fault.
.PHONY: fault
fault: $(FAULT_BIN)
	$(Q)src/tools/sum.sh $(FAULT_BIN)

# Mutated documents for both readers; the seed is printed. build/MODE/tests/diff/diff SEED DOCUMENTS for more.
.PHONY: diff
diff: $(B)/tests/diff/diff
	$(Q)$<

# The worker's XML code under valgrind (the jail does not let valgrind in, the code does).
valgrind:
	$(Q)$(MAKE) --no-print-directory MODE=dev build/dev/tests/unit/worker/test_canonicalise
	$(Q)valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=definite,indirect,possible \
	  build/dev/tests/unit/worker/test_canonicalise
	@echo '1 passed, 0 failed'

layers:
	$(Q)src/tools/layers.sh

check-headers:
	$(Q)src/tools/headers.sh $(CC) -std=gnu17 -D_GNU_SOURCE -Isrc -Iinclude $(WARN) $(GATE_CFLAGS)

check-gate: $(BIN)/gatehouse
	$(Q)src/tools/check_gate.sh $(BIN)/gatehouse

SCALE       ?=
SCALE_USERS ?=
PEERS       ?=
.PHONY: budget refusal
refusal: $(PROGRAM_FILES) $(BENCH_BIN) $(B)/tests/crash/flood
	$(Q)GATEHOUSE_BUILD=$(BIN) /usr/bin/python3 tests/bench/refusal.py $(BENCH)
budget: $(PROGRAM_FILES) $(BENCH_BIN)
	$(Q)GATEHOUSE_BUILD=$(BIN) /usr/bin/python3 tests/bench/budget.py $(BENCH)

bench: $(PROGRAM_FILES) $(BENCH_BIN)
	$(Q)$(if $(PEERS),PEERS=1 src/tools/deps.sh)
ifneq ($(SCALE)$(SCALE_USERS),)
	$(Q)GATEHOUSE_BUILD=$(BIN) /usr/bin/python3 tests/bench/scale.py $(addprefix --users ,$(SCALE_USERS)) $(BENCH)
else
	$(Q)GATEHOUSE_BUILD=$(BIN) /usr/bin/python3 tests/bench/run.py $(BENCH)
endif

soak: programs
	$(Q)GATEHOUSE_BUILD=$(BIN) /usr/bin/python3 tests/crash/run.py --soak $(SOAK)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_BIN)
fuzz: $(FUZZ_BIN)
	$(Q)src/tools/fuzz.sh $(T) $(FUZZ_BIN)

programs: $(PROGRAM_FILES) $(BENCH_BIN) $(CRASH_LIB) $(B)/tests/diff/csv_rows

# ---- everything on a fresh machine -----------------------------------------------------------------------

deps:
	$(Q)src/tools/deps.sh

run: deps
	$(Q)$(MAKE) --no-print-directory all
	$(Q)src/tools/run.sh

test: deps
	$(Q)src/tools/test.sh $(MAKE)

install: all
	install -D -m 755 build/gatehouse $(DESTDIR)$(PREFIX)/bin/gatehouse
	install -D -m 755 build/gatehouse-practice-idp $(DESTDIR)$(PREFIX)/bin/gatehouse-practice-idp
	install -D -m 755 build/gatehouse-worker $(DESTDIR)$(PREFIX)/libexec/gatehouse/gatehouse-worker
	install -D -m 755 build/gatehouse-opinion $(DESTDIR)$(PREFIX)/libexec/gatehouse/gatehouse-opinion
	install -D -m 644 src/dist/gatehouse.conf $(DESTDIR)$(PREFIX)/share/doc/gatehouse/gatehouse.conf
	install -D -m 644 build/libgatehouse.a $(DESTDIR)$(PREFIX)/lib/libgatehouse.a
	install -D -m 755 build/libgatehouse.so.0 $(DESTDIR)$(PREFIX)/lib/libgatehouse.so.0
	ln -sf libgatehouse.so.0 $(DESTDIR)$(PREFIX)/lib/libgatehouse.so
	install -D -m 644 include/gatehouse.h $(DESTDIR)$(PREFIX)/include/gatehouse.h
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed 's#@PREFIX@#$(PREFIX)#; s#@VERSION@#$(VERSION)#' src/client/libgatehouse.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/libgatehouse.pc
	install -D -m 644 src/client/libgatehouse.3 $(DESTDIR)$(PREFIX)/share/man/man3/libgatehouse.3
	install -D -m 644 src/client/check_token.c $(DESTDIR)$(PREFIX)/share/doc/gatehouse/check_token.c
	install -D -m 644 include/gatehouse_reasons.h $(DESTDIR)$(PREFIX)/include/gatehouse_reasons.h
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's#/usr/local/#$(PREFIX)/#' src/dist/gatehouse.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/gatehouse.service

clean:
	rm -rf build

-include $(shell find /dev/null $(wildcard $(B) build/fuzz) -name '*.d' 2>/dev/null)
