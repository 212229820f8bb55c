r"""The problem and the algorithms: what is minimised, and how.

With data :math:`y_t`, operators :math:`A_t`, a generator :math:`G_\gamma` and codes :math:`z_1, \dots, z_T`, the rows
of :math:`Z`, the paper's objectives are, over codes alone (4) and over codes and weights (5),

.. math::
    \min_{Z} \sum_{t=1}^{T} \| y_t - A_t G_\gamma(z_t) \|_2^2 \quad (4), \qquad
    \min_{Z, \gamma} \sum_{t=1}^{T} \| y_t - A_t G_\gamma(z_t) \|_2^2 \quad (5),

with similar codes of neighbouring frames (6), and with codes of rank r (7):

.. math::
    \min_{Z, \gamma} \lambda \sum_{t=1}^{T} \| y_t - A_t G_\gamma(z_t) \|_2^2
    + (1 - \lambda) \sum_{t=1}^{T-1} \beta_t \| z_{t+1} - z_t \|_2^2 \quad (6), \qquad
    \operatorname{rank}(Z) = r \quad (7).

`losses` holds the data term, `constraints` what the codes are held to, `alternating` and `joint` an update each.
"""
