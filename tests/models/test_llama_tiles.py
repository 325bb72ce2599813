from __future__ import annotations

from pathlib import Path

from models.llama.tiles import MENDED, cpu_libraries, tiles_are_safe

AMX = b"CPU : AVX512 = 1 | AMX_INT8 = 1 | OPENMP = 1 | "


def test_amx_is_used_only_if_the_library_says_that_it_is_mended(tmp_path: Path) -> None:
    broken, mended, empty = (tmp_path / name for name in ("libggml-cpu.so.0.1", "libllama.dylib", "libempty.so"))
    broken.write_bytes(b"\x7fELF" + b"\0" * 5000)
    mended.write_bytes(b"\0" * 5000 + MENDED + b"\0")
    empty.touch()
    assert not tiles_are_safe(AMX, [])
    assert not tiles_are_safe(AMX, [broken, empty, tmp_path / "missing.so"])
    assert tiles_are_safe(AMX, [broken, mended])
    assert tiles_are_safe(b"CPU : NEON = 1 | ", [broken])


def test_the_libraries_of_a_folder(tmp_path: Path) -> None:
    for name in ("libggml-cpu.so.0.25.3", "ggml-cpu.dll", "libllama.dylib", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "libggml-cpu.so").symlink_to("libggml-cpu.so.0.25.3")
    found = [path.name for path in cpu_libraries(tmp_path)]
    assert found == ["ggml-cpu.dll", "libggml-cpu.so.0.25.3", "libllama.dylib"]
    assert cpu_libraries(tmp_path / "missing") == []
