# One Makefile. `make` alone says what there is.

BUILD   ?= build
CC      ?= gcc
CXX     ?= g++
OPT     ?= -O2
WARN    := -Wall -Wextra -Wshadow -Wpointer-arith -Wstrict-prototypes -Werror
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIC
CFLAGS  := -std=c11 -D_GNU_SOURCE -g $(OPT) $(WARN) $(HARDEN) -I. $(EXTRA)
CXXFLAGS:= -std=c++17 -D_GNU_SOURCE -g $(OPT) -Wall -Wextra -Werror $(HARDEN) -D_GLIBCXX_ASSERTIONS -I. $(EXTRA)
LDFLAGS := -Wl,-z,relro -Wl,-z,now -Wl,--as-needed $(EXTRA)
LIBS    := -ljansson -lcrypto -lsodium -lsqlite3 -lexpat -lz -lm
AV      := -lavformat -lavcodec -lswscale -lavutil
DCMTK   := -lopenjp2 -ldcmjpls -ldcmjpeg -ldcmimgle -ldcmdata -loflog -lofstd

.PHONY: help all lib worker vault tools module portal unit render bench fuzz clean

help:
	@echo "make all      library, render-worker, exposure-vault, tools, nginx module, portal into $(BUILD)/"
	@echo "make lib | worker | vault | tools | module | portal    one of them"
	@echo "make unit | render | bench | fuzz              build the test programs"
	@echo "make clean"
	@echo "scripts/run starts everything; scripts/test runs every suite."

all: lib worker vault tools module portal

# Objects lie apart: a folder and a program are both called render-worker.
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(EXTRA_$(*F)) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c -o $@ $<

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(patsubst %.cc,$(BUILD)/obj/%.o,$(1)))

# --- lib -----------------------------------------------------------------

LIB := $(BUILD)/libexposure.a
lib: $(LIB)
LIB_OBJ := $(call obj,$(wildcard lib/*.c))
$(LIB): $(LIB_OBJ)
	rm -f $@
	ar rcs $@ $^
# The contracts are linked in byte for byte (.incbin).
$(BUILD)/obj/lib/deidentify.o $(BUILD)/obj/t/unit/deidentify.o $(BUILD)/obj/lib/schema.o $(BUILD)/obj/t/unit/schema.o $(BUILD)/t/fuzz/control $(BUILD)/obj/lib/settings_default.o $(BUILD)/obj/t/unit/settings.o: $(wildcard api/*.json)

# --- render: the tracer, for the worker, exposure-render and the tests -----

RENDER_OBJ := $(call obj,$(wildcard render-worker/render/*.c))
$(RENDER_OBJ): CFLAGS += -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast

# --- CUDA: where there is nvcc; `make NVCC=` does without ----------------------

NVCC ?= $(firstword $(wildcard /usr/local/cuda/bin/nvcc) $(shell command -v nvcc))
CUDA := render-worker/render/cuda
ifeq ($(NVCC),)
RENDER_OBJ += $(BUILD)/obj/$(CUDA)/absent.o
else
# Of the generations that the toolkit still knows (13 dropped 70), and as PTX
# for those to come.
CUDA_ARCHS = $(filter 70 75 80 86 89 90,$(patsubst compute_%,%,$(shell $(NVCC) --list-gpu-arch)))
CUDA_HOME := $(patsubst %/,%,$(dir $(patsubst %/,%,$(dir $(realpath $(NVCC))))))
CUDA_C := $(call obj,$(filter-out %/absent.c,$(wildcard $(CUDA)/*.c)))
# The same for every BUILD: nothing of EXTRA goes in.
CUDA_CU := $(patsubst %.cu,build/cuda/%.o,$(notdir $(wildcard $(CUDA)/*.cu)))
$(CUDA_C): CFLAGS += -isystem $(CUDA_HOME)/include
build/cuda/%.o: $(CUDA)/%.cu
	@mkdir -p $(@D)
	$(NVCC) -std=c++17 -O3 -I. -Werror all-warnings --threads 0 -Xcompiler -fPIC,-fno-exceptions,-fno-threadsafe-statics,-fstack-protector-strong \
	  $(foreach a,$(CUDA_ARCHS),-gencode arch=compute_$(a),code=sm_$(a)) \
	  -gencode arch=compute_$(lastword $(CUDA_ARCHS)),code=compute_$(lastword $(CUDA_ARCHS)) \
	  -MMD -MP -MF $(@:.o=.d) -c -o $@ $<
RENDER_OBJ += $(CUDA_C) $(CUDA_CU)
# The runtime is linked in, and looks for the driver when a device is asked for.
LIBS += -L$(CUDA_HOME)/lib64 -lcudart_static -lrt -ldl
endif

# --- worker ----------------------------------------------------------------

WORKER_OBJ := $(call obj,$(filter-out %/film.c,$(wildcard render-worker/*.c render-worker/encode/*.c)))
worker: $(BUILD)/render-worker
$(BUILD)/render-worker: $(WORKER_OBJ) $(RENDER_OBJ) $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(AV) $(LIBS) -lpthread
$(BUILD)/t/unit/encode $(BUILD)/t/unit/film: LIBS += $(AV)
# Real pictures: all of the worker but what the test includes and main.
$(addprefix $(BUILD)/t/unit/,serve serve_share): $(filter-out %/main.o %/serve.o %/serve_thread.o %/serve_pick.o %/picture.o,$(WORKER_OBJ)) $(RENDER_OBJ)
$(BUILD)/t/unit/load: $(filter-out %/main.o %/load.o,$(WORKER_OBJ)) $(RENDER_OBJ)
$(addprefix $(BUILD)/t/unit/,serve serve_share load): LIBS := $(LIB) $(AV) $(LIBS)

# --- vault -----------------------------------------------------------------

vault: $(BUILD)/exposure-vault
$(BUILD)/exposure-vault: $(call obj,$(wildcard exposure-vault/*.c)) $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lseccomp -lpthread

# --- tools -----------------------------------------------------------------

IMPORT_OBJ := $(call obj,$(wildcard render-worker/import/*.c render-worker/import/*.cc))
$(IMPORT_OBJ): CFLAGS += -O3
SIMPLE_TOOLS := exposure-admin jws-verify jwt-verify vault-open vault-seal
TOOLS := exposure-render exposure-import exposure-demo $(SIMPLE_TOOLS)
tools: $(addprefix $(BUILD)/,$(TOOLS))

$(BUILD)/exposure-render: $(call obj,$(wildcard tools/exposure-render*.c) render-worker/memory.c render-worker/encode/still.c render-worker/encode/film.c) $(RENDER_OBJ) $(LIB)
	$(CC) $(LDFLAGS) -o $@ $^ $(AV) $(LIBS) -lpthread

$(BUILD)/exposure-import: $(BUILD)/obj/tools/exposure-import.o $(IMPORT_OBJ) $(LIB)
	$(CXX) $(LDFLAGS) -o $@ $^ $(DCMTK) $(LIBS) -lseccomp -lpthread

$(BUILD)/exposure-demo: $(BUILD)/obj/tools/exposure-demo.o $(IMPORT_OBJ) $(LIB)
	$(CXX) $(LDFLAGS) -o $@ $^ $(DCMTK) $(LIBS) -lseccomp -lpthread

$(BUILD)/exposure-admin: $(call obj,$(wildcard tools/admin_*.c))
$(addprefix $(BUILD)/,$(SIMPLE_TOOLS)): $(BUILD)/%: $(BUILD)/obj/tools/%.o $(LIB)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS)

# --- module: see ngx_exposure_module/config ----------------------------------

NGINX_SRC ?= /usr/share/nginx/src
NGX := $(BUILD)/nginx
MODULE_C := $(sort $(wildcard ngx_exposure_module/*.c))
MODULE_H := $(wildcard ngx_exposure_module/*.h lib/*.h)

module: $(BUILD)/ngx_exposure_module.so
$(BUILD)/ngx_exposure_module.so: $(NGX)/objs/Makefile $(NGX)/openapi.o $(LIB) $(MODULE_C) $(MODULE_H)
	rm -f $(NGX)/objs/ngx_exposure_module.so # its make does not know what is linked in
	$(MAKE) -C $(NGX) -f objs/Makefile objs/ngx_exposure_module.so
	! nm -u $(NGX)/objs/ngx_exposure_module.so | grep ' ngx_exposure_' # a route's handler that nobody wrote
	cp $(NGX)/objs/ngx_exposure_module.so $@.new
	mv $@.new $@ # never under an nginx that runs it

# Debian's own flags (conf_flags), so that its nginx takes the module; a file
# of ours that comes or goes configures again.
$(NGX)/objs/Makefile: ngx_exposure_module/config $(NGX)/sources
	ln -sfn $(NGINX_SRC)/auto $(NGX)/auto
	ln -sfn $(NGINX_SRC)/src $(NGX)/src
	ln -sfn $(NGINX_SRC)/configure $(NGX)/configure
	cd $(NGX) && bash -c '. $(NGINX_SRC)/conf_flags && \
	    EXPOSURE_BUILD=$(abspath $(BUILD)) ./configure "$${NGX_CONF_FLAGS[@]}" \
	    --with-cc-opt="-g $(OPT) -fPIC -fstack-protector-strong -Wformat -Werror=format-security -D_FORTIFY_SOURCE=2 $(EXTRA)" \
	    --with-ld-opt="-Wl,-z,relro -Wl,-z,now -fPIC $(EXTRA)" \
	    --add-dynamic-module=$(CURDIR)/ngx_exposure_module >configure.log'
	touch $@

$(NGX)/sources: FORCE
	@mkdir -p $(NGX)
	@echo '$(MODULE_C) $(MODULE_H) $(EXTRA)' >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
.PHONY: FORCE

$(NGX)/openapi.json: api/openapi.yaml
	@mkdir -p $(@D)
	python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout, separators=(",", ":"))' <$< >$@.new
	mv $@.new $@

$(NGX)/openapi.o: $(NGX)/openapi.json
	cd $(NGX) && ld -r -b binary -z noexecstack -o openapi.o openapi.json

# --- portal ------------------------------------------------------------------

portal: portal/dist/index.html
PORTAL_SRC := $(shell find portal/src portal/public portal/*.ts portal/*.mjs portal/*.json \
	portal/index.html api -path portal/src/generated -prune -o -type f -print)
portal/node_modules/.installed: portal/package.json portal/package-lock.json
	cd portal && npm ci --no-fund --no-audit --loglevel=error
	touch $@
portal/dist/index.html: $(PORTAL_SRC) portal/node_modules/.installed
	cd portal && npm run --silent build
	touch $@

# --- tests -------------------------------------------------------------------

UNIT := $(patsubst t/unit/%.c,$(BUILD)/t/unit/%,$(wildcard t/unit/*.c))
IMPORT_T := $(addprefix $(BUILD)/t/unit/,import import_file import_input import_pixels import_sandbox)
unit: $(UNIT)
$(filter-out $(IMPORT_T),$(UNIT)): $(BUILD)/t/unit/%: $(BUILD)/obj/t/unit/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lpthread
# With DCMTK, and from an archive, as below.
$(BUILD)/libimport.a: $(IMPORT_OBJ)
	rm -f $@
	ar rcs $@ $^
$(IMPORT_T): $(BUILD)/t/unit/%: $(BUILD)/obj/t/unit/%.o $(BUILD)/libimport.a $(LIB)
	@mkdir -p $(@D)
	$(CXX) $(LDFLAGS) -o $@ $^ $(DCMTK) $(LIBS) -lseccomp -lpthread

# For t/faults.t and t/clock.t, loaded before libc.
unit: $(BUILD)/t/failing_disk.so $(BUILD)/t/other_clock.so
$(BUILD)/t/failing_disk.so $(BUILD)/t/other_clock.so: $(BUILD)/t/%.so: $(BUILD)/obj/t/lib/%.o
	@mkdir -p $(@D)
	$(CC) -shared -o $@ $^

# For t/canary.t.
unit: $(BUILD)/t/scan_keys
$(BUILD)/t/scan_keys: $(BUILD)/obj/t/lib/scan_keys.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)

# Recorder and disk beside the test; the recorder's calls stand in for libc's.
unit: $(BUILD)/t/crash/images
$(BUILD)/t/crash/images: $(call obj,$(wildcard t/crash/*.c)) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS) -lpthread

RENDER_T := $(patsubst t/render/%.c,$(BUILD)/t/render/%,$(wildcard t/render/*.c))
render: $(RENDER_T)
# From an archive, so that a test may include a .c file in place of its object.
$(BUILD)/librender.a: $(RENDER_OBJ)
	rm -f $@
	ar rcs $@ $^
# The CUDA back end on the CPU, against a runtime of the test's own.
$(BUILD)/obj/t/render/cuda.o: CFLAGS += -It/render/cuda -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast
$(BUILD)/obj/t/render/cuda/%.o: CXXFLAGS += -It/render/cuda -O3 -fno-math-errno -fno-trapping-math -ffp-contract=fast
$(BUILD)/obj/t/render/cuda/%.o: $(CUDA)/%.cu
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -MMD -MP -c -o $@ -x c++ $<
$(BUILD)/obj/t/render/cuda/%.o: $(CUDA)/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -It/render/cuda -MMD -MP -c -o $@ $<
EMULATED := $(patsubst %,$(BUILD)/obj/t/render/cuda/%.o,runtime $(basename $(notdir $(filter-out %/absent.c,$(wildcard $(CUDA)/*.c $(CUDA)/*.cu)))))
$(BUILD)/t/render/cuda: $(EMULATED)
$(BUILD)/t/render/cuda: LIBS += -lstdc++
$(RENDER_T): $(BUILD)/t/render/%: $(BUILD)/obj/t/render/%.o $(BUILD)/librender.a $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS) -lpthread

# What scripts/bench measures in one process.
bench: $(BUILD)/t/bench/film $(BUILD)/t/bench/vault
$(BUILD)/t/bench/vault: $(BUILD)/obj/t/bench/vault.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/t/bench/film: $(BUILD)/obj/t/bench/film.o $(filter-out %/main.o,$(WORKER_OBJ)) $(RENDER_OBJ) $(BUILD)/obj/tools/exposure-render-scan.o $(BUILD)/obj/render-worker/import/phantom.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ $(AV) $(LIBS) -lpthread

# Only with clang: libFuzzer. Each target includes the .c that it feeds.
FUZZ := $(patsubst t/fuzz/%.c,$(BUILD)/t/fuzz/%,$(wildcard t/fuzz/*.c))
fuzz: $(FUZZ)
$(FUZZ): $(BUILD)/t/fuzz/%: t/fuzz/%.c $(LIB)
	@mkdir -p $(@D)
	clang -std=c11 -D_GNU_SOURCE -g -O1 -I. -MMD -MP -fsanitize=fuzzer,address,undefined \
	  -fno-sanitize-recover=all -o $@ $< $(LIB) $(LIBS)

clean:
	rm -rf $(BUILD) portal/dist

-include $(shell find $(BUILD) build/cuda -name '*.d' 2>/dev/null)
