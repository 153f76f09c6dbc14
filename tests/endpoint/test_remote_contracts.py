"""The built-ins that ask a server pass the contracts of their families, against a real server on this machine."""

from __future__ import annotations

import json
import re
import zlib
from typing import ClassVar

import pytest

from dyag_core.testing import EngineContract, GeneratorContract, MetricContract
from dyag_plugins.engines.openai.engine import OpenAIEngines
from dyag_plugins.generators.llm import LLMGenerator
from dyag_plugins.metrics import judge


def told(body):
    """A text of its own for each prompt, so that replies which change places are seen."""
    return f"answer {zlib.crc32(json.dumps(body['messages']).encode())}"


def pairs(body):
    """A question and an answer that stand in the passage, where there are a name and a licence in it."""
    asked = body["messages"][-1]["content"]
    name = re.search(r"^(.+?) (?:is a tool|est un outil)", asked, re.MULTILINE)
    licence = re.search(r"Licence ?: (\S+)", asked)
    found = [{"question": f"Which licence does {name[1]} use?", "answer": licence[1]}] if name and licence else []
    return json.dumps({"pairs": found})


def verdict(body):
    """Right is the licence that is expected."""
    return "yes" if body["messages"][-1]["content"].count("LGPL-2.0-only") > 1 else "no"


@pytest.fixture(scope="class", autouse=True)
def _served(request, class_server):
    class_server.replies = request.cls.replies
    request.cls.options = {"base_url": class_server.url, **request.cls.more}


class TestOpenAIEngine(EngineContract):
    plugin = OpenAIEngines
    base_model = "some-model"
    replies = staticmethod(told)
    more: ClassVar = {}


class TestJudge(MetricContract):
    plugin = judge
    replies = staticmethod(verdict)
    more: ClassVar = {"model": "some-model"}


class TestLLMGenerator(GeneratorContract):
    plugin = LLMGenerator
    replies = staticmethod(pairs)
    more: ClassVar = {"model": "some-model"}
