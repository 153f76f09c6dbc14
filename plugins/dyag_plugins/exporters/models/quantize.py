"""From a GGUF file in f16 to fewer bits a weight, without a compiler.

`llama-quantize` does it where it is on the PATH. Elsewhere llama.cpp's own kernels, which come with xllamacpp, are
called row by row, and which tensor gets which type is llama.cpp's rule for dense models, written down below (source:
`llama_tensor_get_type` in llama.cpp's src/llama-quant.cpp).
"""

from __future__ import annotations

import ctypes
import importlib.util
import re
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core import DyagError, Run, UsageError

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter

#: What the user writes -> the type of most tensors.
KINDS = {"q8_0": "Q8_0", "q6_k": "Q6_K", "q5_k_m": "Q5_K", "q4_k_m": "Q4_K"}
#: Where a row's length is no multiple of 256: the type with blocks of 32 that comes nearest.
_SHORT_ROWS = {"Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
_LAYER = re.compile(r"blk\.(\d+)\.")
#: Tensors of two dimensions that stay as they are.
_KEPT = re.compile(r"_norm\.weight$|ffn_gate_inp\.weight$|position_embd|token_types|ssm_conv1d|shortconv|attn_rel_b")
#: Elements that one core quantises at once: 16 MB in float32.
_AT_ONCE = 1 << 22


def quantize(source: Path, target: Path, kind: str, quantizer: str, run: Run) -> None:
    """Write `target` with the weights of `source`, a GGUF file in f16, as `kind`.

    Args:
        kind: one of KINDS.
        quantizer: llama-quantize, xllamacpp, or auto: the former where it is on the PATH.

    Raises:
        UsageError: the quantiser isn't there, or doesn't know models of this kind. DyagError: it fails.
    """
    program = shutil.which("llama-quantize")
    if quantizer == "llama-quantize" and program is None:
        raise UsageError("llama-quantize is not on the PATH", "install llama.cpp, or use -o quantizer=xllamacpp")
    if program is not None and quantizer != "xllamacpp":
        with run.progress.task(f"quantising with {program} ({kind})"):
            _with_program(program, source, target, kind)
    else:
        _with_kernels(source, target, kind, run)


def bits_a_weight(path: Path) -> tuple[float, Counter[str]]:
    """Bits that a weight takes on average, and how many tensors there are of each type."""
    from gguf import GGUFReader

    tensors = GGUFReader(path).tensors
    weights = sum(int(tensor.n_elements) for tensor in tensors)
    bits = 8 * sum(int(tensor.n_bytes) for tensor in tensors) / weights
    return bits, Counter(tensor.tensor_type.name for tensor in tensors)


def type_of(name: str, shape: tuple[int, ...], kind: str, layers: int, tied: bool) -> str | None:
    """The type of a tensor in a dense model; None: it stays as it is.

    Args:
        shape: as GGUF has it, the length of a row first.
        layers: of the model.
        tied: whether the output is the token embedding, and has no tensor of its own.
    """
    if len(shape) < 2 or not name.endswith("weight") or _KEPT.search(name):
        return None
    wanted = KINDS[kind]
    layer = int(found[1]) if (found := _LAYER.match(name)) else 0
    if name == "output.weight" or (name == "token_embd.weight" and tied):
        wanted = "Q8_0" if wanted == "Q8_0" or shape[0] % 256 else "Q6_K"
    elif kind in ("q4_k_m", "q5_k_m"):
        if "attn_qkv." in name:
            wanted = {"q4_k_m": "Q5_K", "q5_k_m": "Q6_K"}[kind]
        elif ("attn_v." in name or "ffn_down." in name) and _more_bits(layer, layers):
            wanted = "Q6_K"
    if shape[0] % 256:
        wanted = _SHORT_ROWS.get(wanted, wanted)
    return "F16" if shape[0] % 32 else wanted


def _more_bits(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2


def _with_program(program: str, source: Path, target: Path, kind: str) -> None:
    done = subprocess.run(
        [program, str(source), str(target), kind.upper()],
        capture_output=True, text=True, encoding="utf-8", errors="replace", check=False,
    )  # fmt: skip
    if done.returncode or not target.is_file():
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise DyagError(f"{program} failed: {reason[0][:300]}", "try -o quantizer=xllamacpp")


def _with_kernels(source: Path, target: Path, kind: str, run: Run) -> None:
    import numpy as np
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader, GGUFWriter, LlamaFileType

    quantize_rows = _kernel()
    reader = GGUFReader(source)
    types = _plan(reader, kind)
    writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
    _copy_fields(reader, writer, LlamaFileType[f"MOSTLY_{kind.upper()}"])
    for tensor in reader.tensors:
        block, size = GGML_QUANT_SIZES[types[tensor.name]]
        shape = [int(n) for n in reversed(tensor.shape)]
        nbytes = int(tensor.n_elements) // block * size
        writer.add_tensor_info(tensor.name, shape, np.dtype("float32"), nbytes, raw_dtype=types[tensor.name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    total = sum(int(tensor.n_bytes) for tensor in reader.tensors) / 1e6
    with run.progress.task(f"quantising ({kind}), MB", total=round(total, 1)) as task:
        for tensor in reader.tensors:
            wanted = types[tensor.name]
            if wanted == tensor.tensor_type:
                writer.write_tensor_data(tensor.data)
            elif wanted == GGMLQuantizationType.F16:
                writer.write_tensor_data(tensor.data.astype(np.float16))
            else:
                writer.write_tensor_data(_quantized(tensor.data, wanted, quantize_rows))
            task.advance(int(tensor.n_bytes) / 1e6)
    writer.close()


def _plan(reader: GGUFReader, kind: str) -> dict[str, GGMLQuantizationType]:
    """The type of each tensor. UsageError: the rules for a model of this kind are others."""
    from gguf import GGMLQuantizationType

    names = [tensor.name for tensor in reader.tensors]
    layers = 1 + max(int(found[1]) for name in names if (found := _LAYER.match(name)))
    plan = {}
    for tensor in reader.tensors:
        shape = tuple(int(n) for n in tensor.shape)
        if len(shape) > 2:
            raise UsageError(
                f"{tensor.name} has {len(shape)} dimensions: only dense models can be quantised without llama.cpp",
                "install llama.cpp (llama-quantize on the PATH), or use -o quantization=f16",
            )
        wanted = type_of(tensor.name, shape, kind, layers, tied="output.weight" not in names)
        plan[tensor.name] = GGMLQuantizationType[wanted] if wanted else tensor.tensor_type
    return plan


def _copy_fields(reader: GGUFReader, writer: GGUFWriter, file_type: int) -> None:
    """All that the file says about itself, with the new type."""
    from gguf import GGUFValueType

    written = ("general.architecture", "general.file_type", "general.quantization_version")
    for field in reader.fields.values():
        if field.name not in written and not field.name.startswith("GGUF."):
            kind = field.types[0]
            inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    writer.add_quantization_version(2)
    writer.add_file_type(file_type)


def _quantized(data: Any, wanted: GGMLQuantizationType, quantize_rows: Any) -> Any:
    """`data` (rows by columns, float16 or float32) as bytes of the type `wanted`, on all cores."""
    import numpy as np
    from gguf import GGML_QUANT_SIZES

    block, size = GGML_QUANT_SIZES[wanted]
    rows, columns = data.shape
    made = np.empty((rows, columns // block * size), dtype=np.uint8)
    step = max(1, _AT_ONCE // columns)

    def work(start: int) -> None:
        part = np.ascontiguousarray(data[start : start + step], dtype=np.float32)
        quantize_rows(int(wanted), part.ctypes.data, made[start:].ctypes.data, 0, len(part), columns, None)

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, range(0, rows, step)))
    return made


@cache
def _kernel() -> Any:
    """`ggml_quantize_chunk` of the llama.cpp in xllamacpp: type, source, target, start, rows, columns, importance."""
    spec = importlib.util.find_spec("xllamacpp.xllamacpp")
    library = ctypes.CDLL(spec.origin) if spec and spec.origin else None
    if library is None or not hasattr(library, "ggml_quantize_chunk"):
        raise UsageError(
            "the installed xllamacpp keeps llama.cpp's quantiser to itself",
            "install llama.cpp (llama-quantize on the PATH), or use -o quantization=f16",
        )
    from gguf import GGMLQuantizationType

    for kind in (*_SHORT_ROWS, *_SHORT_ROWS.values()):
        library.ggml_quantize_init(int(GGMLQuantizationType[kind]))
    function = library.ggml_quantize_chunk
    numbers = [ctypes.c_int64] * 3
    function.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *numbers, ctypes.c_void_p]
    function.restype = ctypes.c_size_t
    return function
