{#-
    One row per positive and draw: an item that the user has never seen. A view: the draws
    are stored in numbers, and ids are looked up for those that are asked for.
-#}

{{ shown_draws('negative_draws') }}
