"""The classes that are known to answer each row by itself, whatever stands beside it (P16).

It began with those that pass scikit-learn's own `check_methods_subset_invariance`. Each was tried
against its own answers alone at several scales within one batch, with extremes, nulls where it
takes them, duplicates, and the parameters that choose another way through its code; the tests try
them again. "By itself" is but for the last bits of a float, and labels that hang on them: a matrix
product sums in another order for many rows than for one.

What is not here is not joined, and nothing is lost but speed. Left out on purpose:

* `NMF` and others that iterate over the whole batch until it has settled (dictionaries, latent
  Dirichlet allocation, `IterativeImputer`, label propagation): 2e-4 beside a row a thousand times
  larger;
* squared distances as a matrix product (`KMeans`, `Birch`, `OutputCodeClassifier`, mixtures of
  Gaussians, `Nystroem`, `KernelPCA`, `KernelRidge`, neighbours by brute force, `KNNImputer`): where
  data lie far from zero the squares of large numbers cancel, and what is left is no longer the last
  bits; equally near neighbours change places, and labels with them;
* `MultinomialNB` and `ComplementNB`, whose probabilities are what is left of the difference of
  large sums, and `RANSACRegressor`, whose weights have few rows to lean on: 1e-4 and 1e-9 apart
  where data lie at 1e5;
* Gaussian processes, whose weights may be large enough for the same, and `RBFSampler`, which takes
  the cosine of numbers without bound;
* what draws at random for each call (`BernoulliRBM`, `DummyClassifier` in some strategies).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

# Read by no listed class when it predicts: how it is fitted, and what fitting has noted.
FITTING: Final = frozenset(
    {
        *("cv", "scoring", "scorer_", "cv_results_", "memory", "random_state", "_random_state"),
        *("_rng", "_metadata_request", "_checked_cv_orig"),
    }
)


@dataclass(frozen=True, slots=True)
class KnownClass:
    """What is known of a class.

    Attributes:
        only: attributes that must have one of these values.
        unread: attributes that it does not read when it predicts, besides `FITTING`.
        elementwise: attributes that may be a function of NumPy's that takes one number for one.
        checks: attributes that may be scikit-learn's check that there are numbers, too.
        why: what an attribute of another value comes to, in words that follow the class's name.
    """

    only: Mapping[str, tuple[str | bool | None, ...]] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    elementwise: frozenset[str] = frozenset()
    checks: frozenset[str] = frozenset()
    why: str = ""


_PLAIN: Final = KnownClass()
_BY_KERNEL: Final = KnownClass(only={"kernel": ("linear", "poly", "rbf", "sigmoid")})
# Trees of points measure one row after the other.
_BY_TREE: Final = KnownClass(only={"_fit_method": ("kd_tree", "ball_tree")})
_SCORED: Final = KnownClass(unread=frozenset({"score_func"}))
_SEARCH: Final = KnownClass(
    unread=frozenset({"estimator", "param_grid", "param_distributions", "best_params_", "refit"})
)
_DESCENT: Final = KnownClass(unread=frozenset({"_loss_function_", "loss_function_"}))
_MULTILAYER: Final = KnownClass(unread=frozenset({"_optimizer"}))
_BINNED: Final = KnownClass(unread=frozenset({"_feature_subsample_rng", "_scorer"}))
_ELIMINATION: Final = KnownClass(unread=frozenset({"estimator", "importance_getter"}))
_LOSS: Final = KnownClass(unread=frozenset({"interval_y_true", "interval_y_pred"}))
# The mean is taken off behind the product, and scaling makes what is left of small ones large.
_UNSCALED: Final = KnownClass(
    only={"whiten": (False,)},
    why="that whitens: it divides by small numbers, which makes what is rounded large",
)
_OF_TARGET: Final = KnownClass(elementwise=frozenset({"func", "inverse_func"}))
_TRANSFORMER_OF_TARGET: Final = KnownClass(
    elementwise=_OF_TARGET.elementwise, only={"kw_args": (None,), "inv_kw_args": (None,)}
)
_TRAINED: Final = KnownClass(
    unread=frozenset({"train_set", "valid_sets", "_Booster__inner_predict_buffer"})
)
_BOOSTER: Final = KnownClass(unread=frozenset({"eval_metric", "callbacks", "evals_result_"}))


def _named(package: str, known: KnownClass, names: str) -> Iterable[tuple[str, KnownClass]]:
    return ((f"{package}.{name}", known) for name in names.split())


# By the package in which they are public, or by the module that defines them.
CLASSES: Final[Mapping[str, KnownClass]] = dict(
    [
        *_named("sklearn.calibration", _PLAIN, "CalibratedClassifierCV _CalibratedClassifier"),
        *_named("sklearn.calibration", _PLAIN, "_SigmoidCalibration _TemperatureScaling"),
        *_named(
            "sklearn.compose", KnownClass(unread=frozenset({"transformers"})), "ColumnTransformer"
        ),
        *_named("sklearn.compose", _OF_TARGET, "TransformedTargetRegressor"),
        *_named("sklearn.covariance", _PLAIN, "EllipticEnvelope"),
        *_named("sklearn.cross_decomposition", _PLAIN, "CCA PLSCanonical PLSRegression PLSSVD"),
        *_named("sklearn.decomposition", _PLAIN, "FactorAnalysis FastICA TruncatedSVD"),
        *_named("sklearn.decomposition", _UNSCALED, "IncrementalPCA PCA"),
        *_named(
            "sklearn.discriminant_analysis",
            KnownClass(unread=frozenset({"covariance_estimator"})),
            "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
        ),
        *_named(
            "sklearn.dummy",
            KnownClass(only={"strategy": ("constant", "most_frequent", "prior")}),
            "DummyClassifier",
        ),
        *_named("sklearn.dummy", _PLAIN, "DummyRegressor"),
        *_named("sklearn.ensemble", _PLAIN, "AdaBoostClassifier AdaBoostRegressor"),
        *_named("sklearn.ensemble", _PLAIN, "BaggingClassifier BaggingRegressor"),
        *_named("sklearn.ensemble", _PLAIN, "ExtraTreesClassifier ExtraTreesRegressor"),
        *_named("sklearn.ensemble", _PLAIN, "GradientBoostingClassifier"),
        *_named("sklearn.ensemble", _PLAIN, "GradientBoostingRegressor IsolationForest"),
        *_named("sklearn.ensemble", _BINNED, "HistGradientBoostingClassifier"),
        *_named("sklearn.ensemble", _BINNED, "HistGradientBoostingRegressor"),
        *_named("sklearn.ensemble", _PLAIN, "RandomForestClassifier RandomForestRegressor"),
        *_named("sklearn.ensemble", _PLAIN, "RandomTreesEmbedding"),
        *_named("sklearn.ensemble", _PLAIN, "StackingClassifier StackingRegressor"),
        *_named("sklearn.ensemble", _PLAIN, "VotingClassifier VotingRegressor"),
        *_named("sklearn.ensemble._hist_gradient_boosting.binning", _PLAIN, "_BinMapper"),
        *_named("sklearn.ensemble._hist_gradient_boosting.predictor", _PLAIN, "TreePredictor"),
        *_named(
            "sklearn.feature_extraction.text",
            _PLAIN,
            "CountVectorizer HashingVectorizer TfidfTransformer TfidfVectorizer",
        ),
        *_named("sklearn.feature_selection", _ELIMINATION, "RFE RFECV SequentialFeatureSelector"),
        *_named("sklearn.feature_selection", _SCORED, "GenericUnivariateSelect SelectFdr"),
        *_named("sklearn.feature_selection", _SCORED, "SelectFpr SelectFwe SelectKBest"),
        *_named("sklearn.feature_selection", _SCORED, "SelectPercentile"),
        *_named("sklearn.feature_selection", _PLAIN, "SelectFromModel VarianceThreshold"),
        *_named("sklearn.frozen", _PLAIN, "FrozenEstimator"),
        *_named("sklearn.impute", _PLAIN, "MissingIndicator SimpleImputer"),
        *_named("sklearn.isotonic", _PLAIN, "IsotonicRegression"),
        *_named("sklearn.linear_model", _PLAIN, "ARDRegression BayesianRidge ElasticNet"),
        *_named("sklearn.linear_model", _PLAIN, "ElasticNetCV GammaRegressor HuberRegressor"),
        *_named("sklearn.linear_model", _PLAIN, "Lars LarsCV Lasso LassoCV LassoLars"),
        *_named("sklearn.linear_model", _PLAIN, "LassoLarsCV LassoLarsIC LinearRegression"),
        *_named("sklearn.linear_model", _PLAIN, "LogisticRegression LogisticRegressionCV"),
        *_named("sklearn.linear_model", _PLAIN, "MultiTaskElasticNet MultiTaskElasticNetCV"),
        *_named("sklearn.linear_model", _PLAIN, "MultiTaskLasso MultiTaskLassoCV"),
        *_named("sklearn.linear_model", _PLAIN, "OrthogonalMatchingPursuit"),
        *_named("sklearn.linear_model", _PLAIN, "OrthogonalMatchingPursuitCV PoissonRegressor"),
        *_named("sklearn.linear_model", _PLAIN, "QuantileRegressor Ridge RidgeCV"),
        *_named("sklearn.linear_model", _PLAIN, "RidgeClassifier RidgeClassifierCV"),
        *_named("sklearn.linear_model", _PLAIN, "TheilSenRegressor TweedieRegressor"),
        *_named("sklearn.linear_model", _DESCENT, "PassiveAggressiveClassifier"),
        *_named("sklearn.linear_model", _DESCENT, "PassiveAggressiveRegressor Perceptron"),
        *_named("sklearn.linear_model", _DESCENT, "SGDClassifier SGDOneClassSVM SGDRegressor"),
        *_named("sklearn._loss.loss", _LOSS, "AbsoluteError ExponentialLoss HalfBinomialLoss"),
        *_named("sklearn._loss.loss", _LOSS, "HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss"),
        *_named("sklearn._loss.loss", _LOSS, "HalfSquaredError HalfTweedieLoss HuberLoss"),
        *_named("sklearn._loss.loss", _LOSS, "HalfTweedieLossIdentity PinballLoss"),
        *_named("sklearn._loss.link", _PLAIN, "HalfLogitLink IdentityLink LogitLink LogLink"),
        *_named("sklearn._loss.link", _PLAIN, "MultinomialLogit"),
        *_named("sklearn._loss._loss", _PLAIN, "CyAbsoluteError CyExponentialLoss"),
        *_named("sklearn._loss._loss", _PLAIN, "CyHalfBinomialLoss CyHalfGammaLoss CyHuberLoss"),
        *_named("sklearn._loss._loss", _PLAIN, "CyHalfMultinomialLoss CyHalfPoissonLoss"),
        *_named("sklearn._loss._loss", _PLAIN, "CyHalfSquaredError CyHalfTweedieLoss"),
        *_named("sklearn._loss._loss", _PLAIN, "CyHalfTweedieLossIdentity CyPinballLoss"),
        *_named(
            "sklearn.metrics._scorer",
            KnownClass(unread=frozenset({"_score_func", "_kwargs"})),
            "_CurveScorer",
        ),
        *_named("sklearn.model_selection", _PLAIN, "FixedThresholdClassifier"),
        *_named("sklearn.model_selection", _PLAIN, "TunedThresholdClassifierCV"),
        *_named("sklearn.model_selection", _SEARCH, "GridSearchCV RandomizedSearchCV"),
        *_named(
            "sklearn.model_selection._search_successive_halving",
            _SEARCH,
            "HalvingGridSearchCV HalvingRandomSearchCV",
        ),
        *_named("sklearn.multiclass", _PLAIN, "OneVsOneClassifier OneVsRestClassifier"),
        *_named("sklearn.multiclass", _PLAIN, "_ConstantPredictor"),
        *_named("sklearn.multioutput", _PLAIN, "ClassifierChain MultiOutputClassifier"),
        *_named("sklearn.multioutput", _PLAIN, "MultiOutputRegressor RegressorChain"),
        *_named("sklearn.naive_bayes", _PLAIN, "BernoulliNB CategoricalNB"),
        *_named("sklearn.naive_bayes", _PLAIN, "GaussianNB"),
        *_named("sklearn.neighbors", _BY_TREE, "KNeighborsClassifier KNeighborsRegressor"),
        *_named("sklearn.neighbors", _BY_TREE, "LocalOutlierFactor"),
        *_named("sklearn.neighbors._kd_tree", _PLAIN, "KDTree KDTree32 KDTree64"),
        *_named("sklearn.neighbors._ball_tree", _PLAIN, "BallTree BallTree32 BallTree64"),
        *_named("sklearn.neural_network", _MULTILAYER, "MLPClassifier MLPRegressor"),
        *_named("sklearn.pipeline", _PLAIN, "FeatureUnion Pipeline"),
        *_named("sklearn.preprocessing", _PLAIN, "Binarizer KBinsDiscretizer LabelBinarizer"),
        *_named("sklearn.preprocessing", _PLAIN, "LabelEncoder MaxAbsScaler MinMaxScaler"),
        *_named("sklearn.preprocessing", _PLAIN, "Normalizer OneHotEncoder OrdinalEncoder"),
        *_named("sklearn.preprocessing", _PLAIN, "PolynomialFeatures PowerTransformer"),
        *_named("sklearn.preprocessing", _PLAIN, "QuantileTransformer RobustScaler"),
        *_named("sklearn.preprocessing", _PLAIN, "SplineTransformer StandardScaler"),
        *_named("sklearn.preprocessing", _PLAIN, "TargetEncoder"),
        *_named(
            # As a step that passes everything on, or what histograms are handed by themselves.
            "sklearn.preprocessing",
            KnownClass(only={"func": (None,), "inverse_func": (None,)}, checks=frozenset({"func"})),
            "FunctionTransformer",
        ),
        *_named("sklearn.random_projection", _PLAIN, "GaussianRandomProjection"),
        *_named("sklearn.random_projection", _PLAIN, "SparseRandomProjection"),
        *_named("sklearn.semi_supervised", _PLAIN, "SelfTrainingClassifier"),
        *_named("sklearn.svm", _PLAIN, "LinearSVC LinearSVR"),
        *_named("sklearn.svm", _BY_KERNEL, "NuSVC NuSVR OneClassSVM SVC SVR"),
        *_named("sklearn.tree", _PLAIN, "DecisionTreeClassifier DecisionTreeRegressor"),
        *_named("sklearn.tree", _PLAIN, "ExtraTreeClassifier ExtraTreeRegressor"),
        *_named("sklearn.tree._tree", _PLAIN, "Tree"),
        *_named("scipy.interpolate", _PLAIN, "BSpline interp1d"),
        *_named("xgboost.core", _PLAIN, "Booster"),
        *_named("xgboost.sklearn", _BOOSTER, "XGBClassifier XGBRanker XGBRegressor"),
        *_named("xgboost.sklearn", _BOOSTER, "XGBRFClassifier XGBRFRegressor"),
        *_named("lightgbm.basic", _TRAINED, "Booster"),
        *_named("lightgbm.sklearn", _PLAIN, "LGBMClassifier LGBMRanker LGBMRegressor"),
        *_named("catboost.core", _PLAIN, "CatBoost CatBoostClassifier CatBoostRanker"),
        *_named("catboost.core", _PLAIN, "CatBoostRegressor"),
        *_named("_catboost", _PLAIN, "_CatBoost"),
    ]
)

# What is known of a class where it is an attribute of another.
WITHIN: Final[Mapping[tuple[str, str], KnownClass]] = {
    (
        "sklearn.compose.TransformedTargetRegressor",
        "sklearn.preprocessing.FunctionTransformer",
    ): _TRANSFORMER_OF_TARGET,
}
