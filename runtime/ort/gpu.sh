#!/usr/bin/env bash
# Measures Lacuna on a machine with an NVIDIA driver, and prints one table:
#
#   runtime/ort/gpu.sh [--device cuda|cpu] [--out DIR] [--holes N] [STEP ...]
#
# Nothing but the driver needs to be there: it installs what is missing (Python
# packages with ONNX Runtime and the CUDA libraries; bin/lacuna is built where there
# is Go, and otherwise has to be brought along). Steps, all by default, each kept
# in DIR (default out/gpu), so that a run in pieces adds up:
#
#   doctor    library, driver, device and provider are there
#   parity    the fused graph fills N holes in each language as the stepwise engine does
#   bench     lacuna bench, with 1, 4, 16 and 64 clients at once
#   eval      lacuna eval on N holes in each language
#   layouts   the ways to lay out the fused graph
#   curve     throughput against latency, beside autoregressive decoding
#   table     all of it in one table
#
# --device cpu runs the same without a GPU, to try the script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

device=cuda out=out/gpu holes=500 failed=0
steps=()
while (($#)); do
  case $1 in
    --device) device=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --holes) holes=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) echo "gpu.sh: unknown option $1; there are --device, --out and --holes" >&2; exit 2 ;;
    *) steps+=("$1"); shift ;;
  esac
done
((${#steps[@]})) || steps=(doctor parity bench eval layouts curve table)
case $device in cuda | cpu) ;; *) echo "gpu.sh: --device $device: there are cuda and cpu" >&2; exit 2 ;; esac
for step in "${steps[@]}"; do
  case $step in doctor | parity | bench | eval | layouts | curve | table) ;;
    *) echo "gpu.sh: unknown step $step" >&2; exit 2 ;;
  esac
done

say() { echo "gpu.sh: $*" >&2; }
mkdir -p "$out"

if [[ $device == cuda ]] && ! nvidia-smi -L >"$out/gpus.txt" 2>&1; then
  say "nvidia-smi finds no GPU:"
  cat "$out/gpus.txt" >&2
  exit 1
fi

# python imports everything that measuring needs: the one of the machine where it
# does, else one that is made. Without either the graph's own measurements are left out.
modules="import numpy, onnx, onnxruntime"
[[ $device == cuda ]] && modules+="; assert 'CUDAExecutionProvider' in onnxruntime.get_available_providers()"
python=
for candidate in "${PYTHON:-python3}" python3; do
  if "$candidate" -c "$modules" 2>/dev/null; then
    python=$candidate
    break
  fi
done
if [[ -z $python ]]; then
  if [[ $device == cuda ]]; then venv=gpu; else venv=train; fi
  python=$(tools/venv.sh "$venv" "models/train/requirements-$venv.txt") || python=
fi
say "Python: ${python:-none with onnx and onnxruntime: layouts and curve will NOT run}"

# The library is that of Python's onnxruntime, so that all figures are of one.
if [[ -z ${LACUNA_ONNXRUNTIME:-} && -n $python ]]; then
  folder=$("$python" -c 'import onnxruntime, os; print(os.path.join(os.path.dirname(onnxruntime.__file__), "capi"))')
  if compgen -G "$folder/libonnxruntime.so*" >/dev/null; then export LACUNA_ONNXRUNTIME=$folder; fi
fi
if [[ -z ${LACUNA_ONNXRUNTIME:-} ]]; then
  if [[ $device == cuda ]]; then runtime/ort/install.sh --cuda; else runtime/ort/install.sh; fi
fi
# CUDA libraries of Python packages, PyTorch's for instance.
if [[ -z ${LACUNA_CUDA_PATH:-} ]]; then
  LACUNA_CUDA_PATH=$("${python:-python3}" -c '
import glob, os, site, sys
folders = site.getsitepackages() + [p for p in sys.path if p]
print(":".join(sorted({d for f in folders for d in glob.glob(os.path.join(f, "nvidia", "*", "lib"))})))') || LACUNA_CUDA_PATH=
  export LACUNA_CUDA_PATH
fi

if command -v go >/dev/null; then
  go build -o bin/lacuna ./cmd/lacuna
fi
lacuna=${LACUNA:-bin/lacuna}
"$lacuna" version >"$out/version.txt" 2>/dev/null || {
  say "there is neither Go nor a $lacuna that runs here: bring one along, or install Go and a C compiler"
  exit 1
}

# The standard libraries that are here to cut holes out of.
languages=python
if command -v go >/dev/null; then languages=go,python; fi

for step in "${steps[@]}"; do
  say "$step"
  began=$SECONDS
  case $step in
    doctor) "$lacuna" doctor --device "$device" --fused on --json >"$out/doctor.json" || { "$lacuna" doctor --device "$device" || true; exit 1; } ;;
    parity)
      # Too few are a figure of the table as well; what follows is worth knowing all the more.
      "$lacuna" parity --device "$device" --lang "$languages" --holes "$holes" --json >"$out/parity.json" || {
        [[ -s $out/parity.json ]] || exit 1
        failed=1
      } ;;
    bench) "$lacuna" bench --device "$device" --fused on --crowd 1,4,16,64 --repeat "${REPEAT:-20}" --json >"$out/bench.json" ;;
    eval) "$lacuna" eval --device "$device" --fused on --lang "$languages" --holes "$holes" --no-types --json >"$out/eval.json" ;;
    layouts | curve)
      if [[ -z $python ]]; then say "$step did NOT run: no Python with onnx and onnxruntime"; continue; fi ;;&
    layouts) "$python" models/train/measure_fused.py models/small --provider "$device" --batches "${BATCHES:-1,16}" --canvases 32 --repeat "${REPEAT:-20}" | tee "$out/layouts.md" >&2 ;;
    curve)
      plot=()
      if "$python" -c "import matplotlib" 2>/dev/null; then plot=(--plot "$out/curve.svg"); else say "no curve.svg: this Python has no matplotlib"; fi
      "$python" models/train/measure_fused.py models/small --provider "$device" --curve "${CURVE:-1,2,4,8,16,32,64}" --repeat "${REPEAT:-20}" \
        "${plot[@]}" --json "$out/curve.json" | tee "$out/curve.md" >&2 ;;
    table) "${python:-python3}" models/train/gpu_table.py "$out" | tee "$out/table.md" ;;
  esac
  say "$step took $((SECONDS - began)) s"
done
exit "$failed"
