{#-
    The split of any interaction, positive or not, from the cuts of training.split_cuts
    (alias `cut`) and, by left join, training.user_cuts (alias `user_cut`): train up to and
    with the last instant or place of train, and so on. A cut that is null has no end. For
    a positive it is what training.split_assignments says.
-#}
{% macro interaction_split(interaction, cut, user_cut) -%}
    {%- set interaction = checked_expression(
        "interaction_split", "interaction", interaction
    ) -%}
    {%- set cut = checked_expression("interaction_split", "cut", cut) -%}
    {%- set user_cut = checked_expression("interaction_split", "user_cut", user_cut) -%}
    case
        when {{ cut }}.method = 'k_fold' then
            case
                when
                    1 + {{ hashed_draw(
                        interaction ~ ".tenant_id",
                        interaction ~ ".interaction_id",
                        cut ~ ".fold_count",
                    ) }} = {{ cut }}.fold
                    then 'test'
                else 'train'
            end
        when {{ cut }}.method = 'user_hash' then {{ user_cut }}.split
        when {{ cut }}.is_by_time then
            case
                when
                    {{ cut }}.train_until is null
                    or {{ interaction }}.interacted_at <= {{ cut }}.train_until
                    then 'train'
                when
                    {{ cut }}.validation_until is null
                    or {{ interaction }}.interacted_at <= {{ cut }}.validation_until
                    then 'validation'
                else 'test'
            end
        when
            {{ user_cut }}.train_until is null
            or {{ interaction }}.interaction_order <= {{ user_cut }}.train_until
            then 'train'
        when
            {{ user_cut }}.validation_until is null
            or {{ interaction }}.interaction_order <= {{ user_cut }}.validation_until
            then 'validation'
        else 'test'
    end
{%- endmacro %}
