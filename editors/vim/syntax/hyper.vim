" Written by `python -m tools.editor_words`: the words of specs of hyperdsl.
if exists('b:current_syntax')
  finish
endif
syntax keyword hyperFunction sqrt sin cos tan exp log tanh abs pi
syntax keyword hyperClause within autonomous in
syntax keyword hyperChoice absolute adamw adversarial bilinear box constant conv2d cosine data doubling dz embedded end external field float32 float64 gelu ignore iteration krylov learned linear newton no noise prelu relative relu residual s silu sin softplus stages tanh trajectory v velocity warn x yes z zero
syntax match hyperSetting /\%(^\|[{}]\)\s*\zs\%(alpha\|atol\|base\|batch\|bound\|control\|correct\|corrector\|dense\|depth\|dtype\|eps\|error\|explicit\|factor\|first_step\|gains\|gamma\|gamma_sums\|grid\|implicit\|inputs\|iterations\|layers\|loss\|lr\|max_step\|max_steps\|min_step\|mode\|optimizer\|order\|output\|outside\|path\|per_sample\|predict\|predicts\|reference\|rtol\|safety\|schedule\|seed\|sigma\|solve\|solver\|span\|start\|states\|steps\|substeps\|tableau\|then\|times\|training\|trajectories\|trials\|where\|width\)\>/
syntax match hyperDeclaration /\%(^\|[{}]\)\s*\zs\%(method\|multistep\|predictor_corrector\|control\|corrector\|training\|path\|problem\|solver\|hypersolver\|sweep\|import\|hyperdsl\)\>/
syntax match hyperLabel /\%(\<tableau\s\+\)\@<=\%(explicit\|implicit\|q\|p\|williamson\|ketcheson\|position\|velocity\|transformed\|c\|gamma\|exponential\|drift\|drift_at_noise\|noise_in_drift\|diffusion\)\>/
syntax match hyperArgument /[(,]\s*\zs\h\w*\ze\s*=/
syntax match hyperMode /\<P\%(EC\)\+E\?\>/
syntax match hyperNumber /\%(\w\|\.\)\@<!\%(\d\+\%(\.\d\+\)\?\|\.\d\+\)\%([eE][+-]\?\d\+\)\?\>/
syntax match hyperRule /^\s*-\{2,}+-\{2,}\s*$/
syntax region hyperString start=/"/ end=/"/ oneline
syntax match hyperComment /#.*$/
highlight default link hyperFunction Function
highlight default link hyperClause Keyword
highlight default link hyperChoice Constant
highlight default link hyperLabel Type
highlight default link hyperArgument Identifier
highlight default link hyperMode Constant
highlight default link hyperSetting Identifier
highlight default link hyperDeclaration Statement
highlight default link hyperNumber Number
highlight default link hyperRule Delimiter
highlight default link hyperString String
highlight default link hyperComment Comment
let b:current_syntax = 'hyper'
