//! README's text, cut into its blocks.
//!
//! Invariant: nothing of a block is changed but its indent.

pub const README: &str = include_str!("../../README.md");

/// One block of code.
pub struct Block {
    /// Where it begins in README, from 1.
    pub line: usize,
    pub text: String,
}

/// Every block: indented by four spaces, or between fences.
pub fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut fenced, mut open) = (false, false);
    for (at, line) in README.lines().enumerate() {
        if line.starts_with("```") {
            (fenced, open) = (!fenced, false);
            continue;
        }
        let code = if fenced { Some(line) } else { line.strip_prefix("    ") };
        match code {
            Some(code) if open => {
                let block = blocks.last_mut().expect("one is open");
                block.text = format!("{}\n{code}", block.text);
            }
            Some(code) => {
                open = true;
                blocks.push(Block {
                    line: at + 1,
                    text: code.to_owned(),
                });
            }
            // An empty line stands within a block, or after it.
            None if line.is_empty() && open => {
                let block = blocks.last_mut().expect("one is open");
                block.text.push('\n');
            }
            None => open = false,
        }
    }
    for block in &mut blocks {
        block.text.truncate(block.text.trim_end().len());
    }
    blocks
}

/// The commands of a block of shell, without their remarks; lines that end in a backslash go on.
pub fn commands(block: &Block) -> Vec<String> {
    let text = block.text.replace("\\\n", " ");
    let lines = text
        .lines()
        .map(|line| line.split("  #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// What stands between single backticks, outside of blocks.
pub fn spans() -> Vec<&'static str> {
    let lines = README
        .lines()
        .filter(|line| !line.starts_with("    ") && !line.starts_with("```"));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}
