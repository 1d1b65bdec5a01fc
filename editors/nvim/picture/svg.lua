-- Draws what a terminal shows, as `tmux capture-pane -e` tells it, as an SVG.
local M = {}

local foreground, background = '#d7dae0', '#14161b'
local cell = { width = 8.4, height = 18, margin = 14 }
-- The 16 colours a terminal has names for.
local named = {
  [0] = '#14161b', '#ffc0b9', '#b3f6c0', '#fce094', '#a6dbff', '#ffcaff', '#8cf8f7', '#eef1f8',
  '#4f5258', '#ffc0b9', '#b3f6c0', '#fce094', '#a6dbff', '#ffcaff', '#8cf8f7', '#eef1f8',
}

--- The colour of an index into the 256 of xterm.
local function indexed(n)
  if n < 16 then
    return named[n]
  elseif n >= 232 then
    local grey = 8 + (n - 232) * 10
    return ('#%02x%02x%02x'):format(grey, grey, grey)
  end
  local function level(x)
    return x == 0 and 0 or 55 + 40 * x
  end
  n = n - 16
  return ('#%02x%02x%02x'):format(level(math.floor(n / 36)), level(math.floor(n / 6) % 6), level(n % 6))
end

--- Reads the colour that starts at parameter i (after 38 or 48) and returns it with
--- the index of its last parameter.
local function extended(params, i)
  if params[i] == 2 then
    return ('#%02x%02x%02x'):format(params[i + 1], params[i + 2], params[i + 3]), i + 3
  end
  return indexed(params[i + 1]), i + 1
end

--- Applies one "select graphic rendition" sequence to a style.
local function select_rendition(style, sequence)
  local params = vim.tbl_map(tonumber, vim.split(sequence == '' and '0' or sequence, '[;:]'))
  local i = 1
  while i <= #params do
    local p = params[i]
    if p == 0 then
      style = {}
    elseif p == 1 then
      style.bold = true
    elseif p == 22 then
      style.bold = nil
    elseif p == 3 or p == 23 then
      style.italic = p == 3 or nil
    elseif p == 4 or p == 24 then
      style.underline = p == 4 or nil
    elseif p == 7 or p == 27 then
      style.reverse = p == 7 or nil
    elseif p == 38 then
      style.fg, i = extended(params, i + 1)
    elseif p == 48 then
      style.bg, i = extended(params, i + 1)
    elseif p == 39 then
      style.fg = nil
    elseif p == 49 then
      style.bg = nil
    elseif p >= 30 and p <= 37 then
      style.fg = named[p - 30]
    elseif p >= 40 and p <= 47 then
      style.bg = named[p - 40]
    elseif p >= 90 and p <= 97 then
      style.fg = named[p - 82]
    elseif p >= 100 and p <= 107 then
      style.bg = named[p - 92]
    end
    i = i + 1
  end
  return style
end

--- Splits a line into runs of one style. A style may last over the end of a line.
local function runs(line, style)
  local result = {}
  while line ~= '' do
    local sequence, after = line:match('^\27%[([%d;:]*)m()')
    if sequence then
      style = select_rendition(vim.deepcopy(style), sequence)
      line = line:sub(after)
    else
      -- Other sequences (character sets, links) carry nothing to draw.
      local text = line:match('^[^\27]+')
      if text then
        table.insert(result, { text = text, style = style })
        line = line:sub(#text + 1)
      else
        line = line:gsub('^\27%][^\27\7]*[\7\27]\\?', '', 1):gsub('^\27%(.', '', 1):gsub('^[\14\15\27]', '', 1)
      end
    end
  end
  return result, style
end

local function escape(text)
  return (text:gsub('[&<>"]', { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;', ['"'] = '&quot;' }))
end

--- One run as SVG elements: its background, if it has one, then its text.
local function draw(run, column, row)
  local x = cell.margin + column * cell.width
  local y = cell.margin + row * cell.height
  local width = vim.fn.strdisplaywidth(run.text) * cell.width
  local fg, bg = run.style.fg or foreground, run.style.bg
  if run.style.reverse then
    fg, bg = bg or background, fg
  end
  local elements = {}
  if bg and bg ~= background then
    table.insert(elements, ('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>'):format(x, y, width, cell.height, bg))
  end
  -- Viewers disagree about spaces at either end, so there are none.
  local lead, text = run.text:match('^(%s*)(.-)%s*$')
  if text ~= '' then
    local attributes = (run.style.bold and ' font-weight="bold"' or '')
      .. (run.style.italic and ' font-style="italic"' or '')
      .. (run.style.underline and ' text-decoration="underline"' or '')
    -- textLength keeps the columns whatever monospaced font the viewer has.
    table.insert(elements, ('<text x="%.1f" y="%.1f" textLength="%.1f" fill="%s"%s>%s</text>'):format(
      x + #lead * cell.width, y + cell.height * 0.74, vim.fn.strdisplaywidth(text) * cell.width, fg, attributes, escape(text)))
  end
  return elements
end

--- @param screen string lines with SGR sequences
--- @param columns integer width of the terminal
--- @param cursor {[1]: integer, [2]: integer} column and row, from 0
--- @param title string read out to those who do not see the picture
--- @return string SVG
function M.render(screen, columns, cursor, title)
  local lines = vim.split(screen:gsub('\n$', ''), '\n')
  local elements, style = {}, {}
  for row, line in ipairs(lines) do
    local column, parts = 0, nil
    parts, style = runs(line, style)
    for _, run in ipairs(parts) do
      vim.list_extend(elements, draw(run, column, row - 1))
      column = column + vim.fn.strdisplaywidth(run.text)
    end
  end
  table.insert(elements, ('<rect x="%.1f" y="%.1f" width="2" height="%d" fill="%s"/>'):format(
    cell.margin + cursor[1] * cell.width, cell.margin + cursor[2] * cell.height, cell.height, foreground))
  local width = columns * cell.width + 2 * cell.margin
  local height = #lines * cell.height + 2 * cell.margin
  return table.concat({
    ('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img">'):format(width, height, width, height),
    ('<title>%s</title>'):format(escape(title)),
    ('<rect width="100%%" height="100%%" rx="8" fill="%s"/>'):format(background),
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" xml:space="preserve">',
    table.concat(elements, '\n'),
    '</g>',
    '</svg>',
    '',
  }, '\n')
end

return M
