{#-
    One row per test positive and draw: an item to rank the positive against, which the
    user has never seen. A view: the draws are stored in numbers, and ids are looked up for
    those that are asked for.
-#}

{{ shown_draws('candidate_draws', split='test') }}
