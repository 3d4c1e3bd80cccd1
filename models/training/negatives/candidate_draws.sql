{#-
    One row per test positive and draw: an item to rank the positive against, which the
    user has never seen; all in numbers, training.evaluation_candidates shows the same rows
    with ids. Drawn as training.negative_draws are, with draws of their own and by the
    tenant's candidate_strategy, and stored, so that every model is measured against the
    same items.
-#}

{{ stored_draws(
    'candidate_strategy', 'candidate_count', 'evaluation_candidates', split='test'
) }}
