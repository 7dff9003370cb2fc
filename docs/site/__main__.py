"""Build the site: `python docs/site` writes build/site; a warning is an error."""

import argparse
import shutil
from pathlib import Path


def build(output: Path) -> int:
    """Collect what the site is made of beside the output, and make the site of it alone."""
    from collect import collect
    from sphinx.cmd.build import build_main

    shutil.rmtree(output, ignore_errors=True)
    source = output.with_name(f"{output.name}-source")
    collect(source)
    return build_main(["-q", "-W", "--keep-going", "-b", "html", str(source), str(output)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    root = Path(__file__).parents[2]
    parser.add_argument("--output", type=Path, default=root / "build" / "site")
    output = parser.parse_args().output
    if output.exists() and any(output.iterdir()) and not (output / ".doctrees").is_dir():
        parser.error(f"--output {output} holds something else than a site; name another folder")
    status = build(output)
    if not status:
        print(output / "index.html")
    raise SystemExit(status)
