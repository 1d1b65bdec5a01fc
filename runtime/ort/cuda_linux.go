package ort

/*
#cgo LDFLAGS: -ldl

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
	int stage;   // 0 done, 1 no library, 2 no symbol, 3 cuInit, 4 a later call
	int code;    // CUresult of the call that failed
	int version; // cuDriverGetVersion
	int count;   // devices
	char error[256];
} lacuna_driver;

typedef struct {
	char name[128];
	size_t memory;
	int major, minor;
} lacuna_gpu;

static void *lacuna_cuda; // stays loaded: the provider needs it

static void lacuna_dlerror(char *into, size_t size) {
	const char *text = dlerror();
	snprintf(into, size, "%s", text ? text : "unknown error");
}

static void *lacuna_symbol(const char *name, lacuna_driver *d) {
	void *f = dlsym(lacuna_cuda, name);
	if (!f && d->stage == 0) {
		d->stage = 2;
		snprintf(d->error, sizeof d->error, "it has no %s", name);
	}
	return f;
}

// The prototypes are those of cuda.h; CUresult and CUdevice are ints.
static void lacuna_probe(const char *path, lacuna_driver *d) {
	memset(d, 0, sizeof *d);
	lacuna_cuda = dlopen(path, RTLD_NOW | RTLD_GLOBAL);
	if (!lacuna_cuda) {
		d->stage = 1;
		lacuna_dlerror(d->error, sizeof d->error);
		return;
	}
	int (*init)(unsigned) = (int (*)(unsigned))lacuna_symbol("cuInit", d);
	int (*version)(int *) = (int (*)(int *))lacuna_symbol("cuDriverGetVersion", d);
	int (*count)(int *) = (int (*)(int *))lacuna_symbol("cuDeviceGetCount", d);
	if (d->stage) return;
	if ((d->code = init(0))) {
		d->stage = 3;
		return;
	}
	if ((d->code = version(&d->version)) || (d->code = count(&d->count))) d->stage = 4;
}

static int lacuna_device(int i, lacuna_gpu *g) {
	memset(g, 0, sizeof *g);
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(lacuna_cuda, "cuDeviceGet");
	int (*name)(char *, int, int) = (int (*)(char *, int, int))dlsym(lacuna_cuda, "cuDeviceGetName");
	int (*memory)(size_t *, int) = (int (*)(size_t *, int))dlsym(lacuna_cuda, "cuDeviceTotalMem_v2");
	int (*attribute)(int *, int, int) = (int (*)(int *, int, int))dlsym(lacuna_cuda, "cuDeviceGetAttribute");
	int device, code;
	if (!get || !name || !memory || !attribute) return -1;
	if ((code = get(&device, i)) || (code = name(g->name, sizeof g->name, device)) ||
	    (code = memory(&g->memory, device)))
		return code;
	if ((code = attribute(&g->major, 75, device))) return code; // COMPUTE_CAPABILITY_MAJOR
	return attribute(&g->minor, 76, device);                    // COMPUTE_CAPABILITY_MINOR
}

static int lacuna_preload(const char *path, char *error, size_t size) {
	if (dlopen(path, RTLD_LAZY | RTLD_GLOBAL)) return 0;
	lacuna_dlerror(error, size);
	return 1;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"unsafe"
)

// probeDriver loads the driver's library and asks it for its devices.
func probeDriver(path string) Driver {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var d C.lacuna_driver
	C.lacuna_probe(name, &d)
	switch d.stage {
	case 1:
		return Driver{
			Fault:  fmt.Sprintf("there is no NVIDIA driver (%s)", C.GoString(&d.error[0])),
			Remedy: "install the NVIDIA driver, or run where there is one",
		}
	case 2:
		return Driver{Fault: fmt.Sprintf("%s is not an NVIDIA driver: %s", path, C.GoString(&d.error[0]))}
	case 3, 4:
		return Driver{CUDA: int(d.version), Fault: driverFault(int(d.code)), Remedy: "nvidia-smi may say more; in a container pass the device in (--gpus all)"}
	}
	out := Driver{CUDA: int(d.version)}
	for i := range int(d.count) {
		var g C.lacuna_gpu
		if code := C.lacuna_device(C.int(i), &g); code != 0 {
			out.Fault = fmt.Sprintf("the NVIDIA driver cannot describe device %d (CUDA error %d)", i, int(code))
			return out
		}
		out.GPUs = append(out.GPUs, GPU{
			Name: C.GoString(&g.name[0]), Memory: int64(g.memory),
			Capability: fmt.Sprintf("%d.%d", int(g.major), int(g.minor)),
		})
	}
	if len(out.GPUs) == 0 {
		out.Fault, out.Remedy = driverFault(100), "in a container pass the device in (--gpus all)"
	}
	return out
}

// driverFault words the CUresults that people meet.
func driverFault(code int) string {
	switch code {
	case 100: // CUDA_ERROR_NO_DEVICE
		return "the NVIDIA driver finds no device"
	case 803: // CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
		return "the parts of the NVIDIA driver are of different versions: restart the machine"
	}
	return fmt.Sprintf("the NVIDIA driver does not start (CUDA error %d)", code)
}

// preload loads a library for good, with its symbols for all.
func preload(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var text [512]C.char
	if C.lacuna_preload(name, &text[0], 512) != 0 {
		return errors.New(C.GoString(&text[0]))
	}
	return nil
}
