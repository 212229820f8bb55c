#!/usr/bin/env bash
# ModOpt's ordered weighted l1 norm and k-support norm: values, and proximal steps with a factor, as its algorithms take them.
#
# Guess: the ordered norm weighs the largest number with the largest weight; the k-support norm with k = 1 is the square of
# the l1 norm, with k = all that of the l2 norm, both times the same; and a step with a factor is that with the weight times
# the factor.
# Seen, ModOpt 1.7.2: the ordered norm weighs the smallest number with the largest weight, 4.3 in place of 20.6, though its
# step is that of the norm. The k-support value is the whole square with k = 1, and half of it, but for the smallest number,
# with k = all. A factor of 0.3 and a weight of 0.5 give another step than a factor of 1 and a weight of 0.15: of 4, -3, 2,
# 1, 0.5, 0.1 they leave 1.9 alone, in place of 3.1, -2.1, 1.1 and 0.1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 modopt==1.7.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
from modopt.opt.proximity import KSupportNorm, OrderedWeightedL1Norm

numbers, weights = np.array([4.0, -3.0, 2.0, 1.0, 0.5, 0.1]), np.array([3.0, 2.0, 1.0, 0.5, 0.2, 0.1])
ordered = OrderedWeightedL1Norm(weights)
own = float(weights @ np.sort(abs(numbers))[::-1])
print("ordered norm:", ordered.cost(numbers), "by its definition:", own)
assert np.isclose(ordered.cost(numbers), 4.3) and np.isclose(own, 20.61), "changed: the ordered norm's value"
assert np.allclose(ordered.op(numbers), [1, -1, 1, 0.5, 0.3, 0]), "changed: the ordered norm's step"

one, all_of_them = KSupportNorm(1.0, 1).cost(numbers), KSupportNorm(1.0, 6).cost(numbers)
ratios = float(one / abs(numbers).sum() ** 2), float(all_of_them / (numbers**2).sum())
print("k-support values over the squares of the l1 and the l2 norm:", ratios)
assert np.isclose(ratios[0], 1) and abs(ratios[1] - 0.5) < 1e-3, f"changed: {ratios}"

by_factor = KSupportNorm(0.5, 1).op(numbers, extra_factor=0.3)
by_weight = KSupportNorm(0.15, 1).op(numbers)
print("k-support steps, by a factor and by the weight:", by_factor, by_weight.round(3))
wanted = [3.0625, -2.0625, 1.0625, 0.0625, 0, 0]
assert np.count_nonzero(by_factor) == 1 and np.allclose(by_weight, wanted, atol=1e-3), "changed: the k-support norm's step"
PYTHON
