"""A progress bar that shows nothing and tells what it was asked for."""


def recording(seen):
    """A class in place of tqdm: each bar adds its options to the list, then where it stands after
    each update.
    """

    class Bar:
        n = 0

        def __init__(self, **options):
            seen.append(options)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, more):
            self.n += more
            seen.append(self.n)

    return Bar
