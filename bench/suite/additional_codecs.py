"""A suite with codecs of one's own, which alone are scored."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import yaml

from bench.errors import ConfigError
from bench.registry.plugins import Plugins
from bench.registry.registry import Component
from bench.suite.fields import choices
from bench.suite.suite import Suite
from bench.utils.yaml_config import Settings, parse


class _Additional(Settings):
    """Plugins and codecs, as in a suite file."""

    plugins: Plugins = ()
    codecs: list[Annotated[list[Component], choices("codec")]]


def with_codecs(suite: Suite, codecs: Sequence[Mapping[str, Any]], plugins: Sequence[str]) -> Suite:
    """Return a suite with more codecs, which alone are scored.

    The codecs of the suite stay in it. They are attacked where the new codecs receive pictures that
    were made against them.

    Args:
        suite: the suite.
        codecs: the additional codecs, as items of a suite file.
        plugins: the plugins that they need; relative paths start from the working directory.

    Raises:
        ConfigError: a codec or plugin is not valid, or the suite has a codec of the same label.
    """
    text = yaml.safe_dump({"plugins": list(plugins), "codecs": list(map(dict, codecs))})
    added = parse(text, "the command line", _Additional)
    known = set(map(str, suite.operating_points))
    labels = []
    for label in map(str, itertools.chain(*added.codecs)):
        if label in known:
            raise ConfigError(
                f"'{label}' is listed twice or a codec of the suite '{suite.name}'; give yours"
                " another name with label=..."
            )
        known.add(label)
        labels.append(label)
    changes = {
        "plugins": tuple(dict.fromkeys((*suite.plugins, *added.plugins))),
        "codecs": [*suite.codecs, *added.codecs],
        "score": tuple(labels),
    }
    return suite.model_copy(update=changes)
