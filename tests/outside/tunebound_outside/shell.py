"""A family of separable data: the space between two spheres."""

import numpy as np

from tunebound import synthetic


@synthetic.register_family(
    "shell",
    summary="Between two spheres: two half shells of samples, parted by a gap.",
    options={
        **synthetic.COMMON_OPTIONS,
        "thickness": synthetic.Option(
            default=0.1,
            meaning="thickness of the shell, as a share of its outer radius",
            kind=float,
            low=0.0,
            high=0.9,
        ),
    },
)
def shell(request: synthetic.Request, rng: np.random.Generator) -> synthetic.Planted:
    """Part points whose norms are uniform in [1 − thickness, 1]."""
    cloud = rng.standard_normal((request.n, request.d))
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    cloud *= rng.uniform(1 - request.options["thickness"], 1, (request.n, 1))
    separator = synthetic.planting.random_direction(request.d, rng)
    return synthetic.planting.part_cloud(request, cloud, separator, rng)
