"""Folders of Hugging Face's transformers: read without a network, without code of theirs, weights as safetensors only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xai_compare import lazy
from xai_compare.errors import ModelError

__all__ = ["check_folder", "hashed", "quiet", "read_folder"]

_SAVE = "model.save_pretrained(folder) and tokenizer.save_pretrained(folder) write what is needed"


def hashed(folder: Path, limit: int) -> tuple[str, int]:
    """One sha256 over the names and contents of all files of a folder, and their bytes.

    Raises
    ------
    ModelError
        For a file that is too large.
    """
    whole, size = hashlib.sha256(), 0
    for path in sorted(each for each in folder.iterdir() if each.is_file()):
        if path.stat().st_size > limit:
            raise ModelError(f"folder '{folder.name}': file '{path.name}' has {path.stat().st_size:,} bytes; at most {limit:,} are read")
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"{path.name}\n{digest}\n".encode())
        size += path.stat().st_size
    return whole.hexdigest(), size


def check_folder(folder: Path) -> dict[str, Any]:
    """The configuration of a folder that holds weights as safetensors and no code.

    Raises
    ------
    ModelError
        With what is missing, or what would run code, and what to do.
    """
    name = folder.name
    config = _json(folder, "config.json")
    if not any(folder.glob("model*.safetensors")):
        if pickled := sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl") for path in folder.glob(pattern)):
            raise ModelError(
                f"folder '{name}' holds its weights as {pickled[0]}, a format that can run any code: refused. "
                f"Load it where you trust it and save it again: {_SAVE}, as safetensors"
            )
        raise ModelError(f"folder '{name}' holds no model.safetensors: {_SAVE}")
    for file in ("config.json", "tokenizer_config.json"):
        if (folder / file).exists() and "auto_map" in _json(folder, file):
            raise ModelError(
                f"folder '{name}': {file} has auto_map, which names code of its own: refused. Only transformers' own classes are loaded"
            )
    if (folder / "adapter_config.json").exists() or "quantization_config" in config:
        raise ModelError(f"folder '{name}' holds an adapter or quantised weights: merge them into a plain model and save it again")
    if not (folder / "tokenizer.json").exists() and not (folder / "vocab.txt").exists():
        raise ModelError(
            f"folder '{name}' holds no tokenizer.json: save the model's fast tokenizer into it, tokenizer.save_pretrained(folder)"
        )
    return config


def _json(folder: Path, file: str) -> dict[str, Any]:
    path = folder / file
    if not path.is_file():
        raise ModelError(f"'{folder.name}' is a folder without {file}: name the file of a model, or a folder of a transformers model")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"folder '{folder.name}': {file} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise ModelError(f"folder '{folder.name}': {file} holds no mapping")
    return found


@contextmanager
def quiet(transformers: Any) -> Iterator[None]:
    """No progress bars and no advice from transformers inside the block."""
    logging = transformers.utils.logging
    before, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(before)
        if bars:
            logging.enable_progress_bar()


def read_folder(folder: Path) -> Any:
    """A sequence classifier from a folder, checked to say in eager mode what it says otherwise."""
    config = check_folder(folder)
    kinds = config.get("architectures") or []
    if not kinds or not str(kinds[0]).endswith("ForSequenceClassification"):
        raise ModelError(f"it holds {', '.join(map(str, kinds)) or 'no known architecture'}: a sequence classifier is needed")
    transformers = lazy.load("transformers")
    from xai_compare.models._sequences import checked

    alone = {"local_files_only": True, "trust_remote_code": False}
    with quiet(transformers):
        load = transformers.AutoModelForSequenceClassification.from_pretrained
        core, told = load(folder, use_safetensors=True, attn_implementation="eager", output_loading_info=True, **alone)
        if lacking := sorted({*told["missing_keys"], *(str(each[0]) for each in told["mismatched_keys"])}):
            raise ModelError(
                f"it lacks weights, which would be drawn at random: {', '.join(lacking[:3])}. It was not saved as a whole classifier"
            )
        usual = load(folder, use_safetensors=True, **alone)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **alone)
        return checked(folder.name, core.float().eval(), usual.float().eval(), tokenizer)
