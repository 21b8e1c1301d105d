"""Runs one policy file of the MLSysOps framework, unchanged, for the agent that started this process.

Requests come as JSON lines on standard input, answers leave as JSON lines on what was standard output; what the policy prints goes to
standard error. A policy of scope "application" has a module and a context of its own per application, which live as long as this
process: they may hold anything, so they never leave it.
"""

import asyncio
import importlib.util
import json
import logging
import math
import os
import resource
import sys
import traceback
import types

answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)
sys.stdout = sys.stderr


class PolicyError(Exception):
    """Something that its author can put right."""


def add_module(name, **members):
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)


def offer_framework():
    """Modules that policy files import from the framework."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    # A message that does not fit its arguments is the policy's own affair, and no reason for a page of traceback.
    logging.raiseExceptions = False
    logging.TEST = logging.CRITICAL + 5
    logging.addLevelName(logging.TEST, "TEST")
    logger = logging.getLogger("policy")
    logger.test = lambda message, *rest: logger.log(logging.TEST, message, *rest)

    comparisons = {
        "lower_or_equal": lambda a, b: a <= b,
        "greater_or_equal": lambda a, b: a >= b,
        "equal": lambda a, b: a == b,
        "lower_than": lambda a, b: a < b,
        "greater_than": lambda a, b: a > b,
    }

    def evaluate_condition(a, b, operator):
        if operator not in comparisons:
            raise ValueError(f"Invalid operator: {operator}")
        return comparisons[operator](a, b)

    class MLSTelemetry:
        """What policies tell of themselves goes to the agent's log."""

        def __init__(self, *names):
            self._logger = logging.getLogger(".".join(str(name) for name in names) or "telemetry")

        def __getattr__(self, name):
            if not name.startswith("push"):
                raise AttributeError(name)
            return lambda *what: self._logger.info("%s %s", name, " ".join(str(one) for one in what))

    add_module("mlsysops", __path__=[])
    add_module("mlsysops.logger_util", logger=logger)
    add_module("mlsysops.utilities", evaluate_condition=evaluate_condition)
    add_module("mlstelemetry", MLSTelemetry=MLSTelemetry)


class Telemetry:
    """The pandas frame of recent telemetry: a row a second, `timestamp` and a column a metric."""

    def __init__(self, pandas, frame):
        rows = frame["rows"]
        columns = {}
        for index, name in enumerate(frame["columns"]):
            values = [row[index] for row in rows]
            # A column with holes keeps None in them, as the framework's does; a whole one is of numbers.
            holed = any(value is None for value in values)
            columns[name] = pandas.Series(values, dtype=object if holed or not values else None)
        self.frame = pandas.DataFrame(columns, columns=frame["columns"])

    async def query(self, start_time=None, end_time=None, latest=False):
        if latest:
            if self.frame.empty:
                raise ValueError("The data store is empty. No latest row available.")
            return self.frame.iloc[-1:]
        if start_time is None and end_time is None:
            return self.frame
        if start_time is None or end_time is None:
            raise ValueError("Both start_time and end_time must be provided when not fetching the latest row or all data.")
        time = self.frame["timestamp"]
        return self.frame[(time >= start_time) & (time <= end_time)]


def load(path, name):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    missing = [verb for verb in ("initialize", "analyze", "plan") if not callable(getattr(module, verb, None))]
    if missing:
        raise PolicyError(f"it has no function {' and no function '.join(missing)}")
    return module


class Policy:
    def __init__(self, path):
        self.path = path
        self.instances = {}
        try:
            import pandas
        except ImportError as error:
            raise PolicyError(f"pandas cannot be imported ({error}); install it for {sys.executable}") from error
        self.pandas = pandas

    def instance(self, application):
        """Module and context of one application, made when it is first asked for."""
        if application not in self.instances:
            module = load(self.path, f"policy_{len(self.instances)}")
            context = module.initialize()
            if not isinstance(context, dict):
                raise PolicyError(f"initialize() gave {type(context).__name__}, not a dict")
            absent = [name for name in context.get("packages") or [] if importlib.util.find_spec(str(name)) is None]
            if absent:
                raise PolicyError(f"it needs the Python package {' and '.join(absent)}, which is not installed")
            self.instances[application] = {"module": module, "context": dict(context)}
        return self.instances[application]

    def about(self):
        return self.settings(self.instance(None)["context"])

    @staticmethod
    def settings(context):
        telemetry = context.get("telemetry") or {}
        configuration = context.get("configuration") or {}
        return {
            "metrics": [str(metric) for metric in telemetry.get("metrics") or [] if metric],
            "mechanisms": [str(mechanism) for mechanism in context.get("mechanisms") or []],
            "interval": str(configuration.get("analyze_interval", "10s")),
            "scope": str(context.get("scope", "application")),
            "core": bool(context.get("core", False)),
        }

    async def call(self, verb, application, given):
        instance = self.instance(application)
        telemetry = Telemetry(self.pandas, given["telemetry"])
        result = getattr(instance["module"], verb)(
            instance["context"],
            given["application_description"],
            given["system_description"],
            given["mechanisms"],
            {
                "prometheus_endpoint": given.get("prometheus_endpoint"),
                "grafana_endpoint": given.get("grafana_endpoint"),
                "dataframe": telemetry.frame,
                "query": telemetry.query,
            },
            given.get("ml_connector"),
        )
        if asyncio.iscoroutine(result):
            result = await result
        if not isinstance(result, tuple) or len(result) != 2:
            raise PolicyError(f"{verb}() must give two things, the {'answer' if verb == 'analyze' else 'plan'} and the context")
        value, context = result
        if not isinstance(context, dict):
            raise PolicyError(f"{verb}() gave {type(context).__name__} as its context, not a dict")
        instance["context"] = context
        if verb == "analyze":
            return {"adapt": bool(value), "interval": self.settings(context)["interval"]}
        return {"plan": plain(value or {}), "interval": self.settings(context)["interval"]}


def plain(value):
    """As JSON has it; numbers of numpy become numbers."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (bool, str)):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise PolicyError(f"the plan holds {value}, which is no number")
        return value
    raise PolicyError(f"the plan holds a {type(value).__name__}, which is no JSON")


def describe(error, path):
    """One sentence, with the line of the policy's file where there is one."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return f"line {error.lineno}: {error.msg}"
    text = str(error) if isinstance(error, PolicyError) else f"{type(error).__name__}: {error}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f"line {lines[-1]}: {text}" if lines else text


async def main(path, megabytes):
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    offer_framework()
    policy = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"id": request["id"]}
        try:
            if policy is None:
                policy = Policy(path)
            if request["call"] == "about":
                answer["value"] = policy.about()
            else:
                answer["value"] = await policy.call(request["call"], request["application"], request["given"])
        except MemoryError:
            answer["error"] = f"it needs more than its {megabytes} MB of memory"
        except (Exception, SystemExit) as error:  # The policy may raise anything; the agent is told what.
            answer["error"] = describe(error, path)
        print(json.dumps(answer), file=answers)


if __name__ == "__main__":
    sys.path.extend(sys.argv[3:])
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
