"""Checks a configuration file against the rules of one program version. The rules
are data (`standin.json` beside the program): tables and fields that must be there,
values that are allowed. A violation ends the real programs with a traceback and
exit status 1, so the functions here raise."""


def look_up(tree, path):
    """The value at a dotted path. KeyError if a part is missing."""
    value = tree
    for part in path.split("."):
        if not isinstance(value, dict):
            raise KeyError(path)
        value = value[part]
    return value


def check(tree, rules):
    for path in rules["tables"]:
        try:
            found = look_up(tree, path)
        except KeyError:
            raise ValueError(f"Missing required field: '{path}'") from None
        if not isinstance(found, dict):
            raise TypeError(f"Expected a table for '{path}', got {type(found).__name__}")
    for path in rules["required"]:
        try:
            look_up(tree, path)
        except KeyError:
            raise ValueError(f"Missing required field: '{path}'") from None
    for path, allowed in rules["allowed"].items():
        try:
            found = look_up(tree, path)
        except KeyError:
            continue
        if found not in allowed:
            raise TypeError(f"Value {found!r} of '{path}' is not one of {allowed}")


def check_models(tree):
    """The load checks of a model configuration."""
    providers = tree.get("api_providers") or []
    models = tree.get("models") or []
    if not providers:
        raise ValueError("api_providers must not be empty")
    if not models:
        raise ValueError("models must not be empty")
    for kind, entries, needed in (("api_providers", providers, ("name", "api_key")), ("models", models, ("model_identifier", "name", "api_provider"))):
        names = [entry.get("name") for entry in entries]
        if len(set(names)) != len(names):
            raise ValueError(f"names in {kind} must be unique")
        for entry in entries:
            for field in needed:
                if not entry.get(field):
                    raise ValueError(f"{kind}: '{field}' must not be empty")
    for provider in providers:
        if not provider.get("base_url") and provider.get("client_type") != "gemini":
            raise ValueError(f"api_providers: 'base_url' of {provider['name']} must not be empty")
    known = {provider["name"] for provider in providers}
    for model in models:
        if model["api_provider"] not in known:
            raise ValueError(f"models: {model['name']} names the unknown provider {model['api_provider']}")
