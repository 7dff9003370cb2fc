"""Build the site: `python docs/site` writes build/site; a warning is an error."""

import argparse
from pathlib import Path

from collect import ROOT, collect
from sphinx.cmd.build import build_main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site")
    output = parser.parse_args().output
    source = output.with_name(f"{output.name}-source")
    collect(source)
    status = build_main(["-q", "-W", "--keep-going", "-b", "html", str(source), str(output)])
    if not status:
        print(output / "index.html")
    raise SystemExit(status)
